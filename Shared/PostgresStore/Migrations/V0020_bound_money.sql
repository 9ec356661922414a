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

CREATE FUNCTION winnow.saturated(amount numeric) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN least(amount, 9223372036854775807)::bigint;
COMMENT ON FUNCTION winnow.saturated IS 'A sum as bigint; one that is too large stops at the largest number.';

-- As before, and without an error where a sum is too large.
CREATE OR REPLACE FUNCTION winnow.sum_final_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lowest uuid;
    highest uuid;
BEGIN
    -- The bounds prune the ledger's partitions.
    SELECT min(r.request_id::text)::uuid, max(r.request_id::text)::uuid INTO lowest, highest
    FROM winnow.request AS r WHERE r.request_id = ANY (ids) AND r.state <> 'open';
    IF lowest IS NULL THEN
        RETURN;
    END IF;
    UPDATE winnow.request AS r
    SET result_totals = coalesce(r.result_totals, ARRAY[
            r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
            r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd]),
        input_tokens = s.t1, output_tokens = s.t2, flops = s.t3, cost_pico_usd = s.t4, full_model_input_tokens = s.t5,
        full_model_output_tokens = s.t6, full_model_flops = s.t7, full_model_cost_pico_usd = s.t8
    FROM (
        SELECT f.request_id, t.*
        FROM winnow.request AS f
        CROSS JOIN LATERAL (
            SELECT winnow.saturated(coalesce(sum(a.input_tokens), 0)) AS t1, winnow.saturated(coalesce(sum(a.output_tokens), 0)) AS t2,
                winnow.saturated(coalesce(sum(a.flops), 0)) AS t3, winnow.saturated(coalesce(sum(a.cost_pico_usd), 0)) AS t4,
                winnow.saturated(coalesce(sum(a.full_model_input_tokens), 0)) AS t5,
                winnow.saturated(coalesce(sum(a.full_model_output_tokens), 0)) AS t6,
                winnow.saturated(coalesce(sum(a.full_model_flops), 0)) AS t7,
                winnow.saturated(coalesce(sum(a.full_model_cost_pico_usd), 0)) AS t8
            FROM winnow.attempt AS a
            WHERE a.request_id = f.request_id AND a.request_id BETWEEN lowest AND highest AND a.kind <> 'shadow') AS t
        WHERE f.request_id = ANY (ids) AND f.state <> 'open') AS s
    WHERE r.request_id = s.request_id
        AND (r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd, r.full_model_input_tokens,
            r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd)
            IS DISTINCT FROM (s.t1, s.t2, s.t3, s.t4, s.t5, s.t6, s.t7, s.t8);
END
$$;
