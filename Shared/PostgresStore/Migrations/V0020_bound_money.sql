-- Prices have an upper bound, and a budget counts the calls of its own period and of no other.

-- NOT VALID: a higher price of the past stays as it was, and only new rows are checked. A call whose cost is too large to be
-- written is reported by the service that prices it.
ALTER TABLE winnow.price ADD CONSTRAINT price_bounded
    CHECK (input_token_pico_usd <= 1000000000000 AND output_token_pico_usd <= 1000000000000) NOT VALID;
COMMENT ON CONSTRAINT price_bounded ON winnow.price IS 'A token costs at most one USD.';

-- As before, and without the calls of later periods: what was booked after the period's end is not of this period.
CREATE OR REPLACE FUNCTION winnow.budget_spent(tenant text, period winnow.budget_period, instant timestamptz) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE period
        WHEN 'hour' THEN (
            SELECT coalesce(sum(c.cost_pico_usd), 0) FROM winnow.cost_hour AS c
            WHERE c.tenant_id = tenant AND c.kind = 'full' AND c.hour = date_trunc('hour', instant, 'UTC'))
        ELSE (
            SELECT coalesce(sum(c.cost_pico_usd), 0) FROM winnow.cost AS c
            WHERE c.tenant_id = tenant AND c.kind = 'full'
                AND c.day >= date_trunc(period::text, instant AT TIME ZONE 'UTC')::date
                AND c.day < (date_trunc(period::text, instant AT TIME ZONE 'UTC') + ('1 ' || period)::interval)::date)
        END
$$;
