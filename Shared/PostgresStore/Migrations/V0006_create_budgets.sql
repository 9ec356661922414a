-- Limits on what tenants may spend on escalations. The sums of the ledger already contain the spending. A budget stores only a
-- limit, so the two cannot disagree.

CREATE TYPE winnow.budget_period AS ENUM ('hour', 'day', 'month');
CREATE TYPE winnow.budget_policy AS ENUM ('degrade', 'queue', 'fail');

CREATE TABLE winnow.budget (
    tenant_id text COLLATE "C" NOT NULL,
    period winnow.budget_period NOT NULL,
    limit_pico_usd bigint NOT NULL,
    policy winnow.budget_policy NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, period),
    CONSTRAINT budget_limit_not_negative CHECK (limit_pico_usd >= 0)
);
COMMENT ON TABLE winnow.budget IS
    'Limits on the cost of full-model calls, by tenant and period (UTC). A row is locked while calls of its tenant are reserved.';

-- Includes the reserved prices of calls in progress and of abandoned calls. Excludes costs that were booked after the end of the
-- period.
CREATE FUNCTION winnow.budget_spent(tenant text, period winnow.budget_period, instant timestamptz) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE period
        WHEN 'hour' THEN (
            SELECT coalesce(sum(c.cost_pico_usd), 0) FROM winnow.cost_hour AS c JOIN winnow.cost_series AS s USING (series_id)
            WHERE s.tenant_id = tenant AND s.kind = 'full' AND c.hour = date_trunc('hour', instant, 'UTC'))
        ELSE (
            SELECT coalesce(sum(c.cost_pico_usd), 0) FROM winnow.cost AS c
            WHERE c.tenant_id = tenant AND c.kind = 'full'
                AND c.day >= date_trunc(period::text, instant AT TIME ZONE 'UTC')::date
                AND c.day < (date_trunc(period::text, instant AT TIME ZONE 'UTC') + ('1 ' || period)::interval)::date)
        END
$$;
COMMENT ON FUNCTION winnow.budget_spent IS
    'The cost of a tenant''s escalations in the hour, day or month that contains the instant.';
REVOKE ALL ON FUNCTION winnow.budget_spent FROM PUBLIC;
