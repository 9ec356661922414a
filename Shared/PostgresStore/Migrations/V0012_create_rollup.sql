-- Sums of the ledger, kept by whoever writes it and in the same transaction: what operators ask must not take longer with
-- each call that was ever made. Triggers of the statement, so that no writer can forget them; retention drops partitions and
-- moves rows between them without a statement on winnow.attempt, which leaves the sums as they are.

-- An escalation carries what the small model would have said, so its cost buys knowledge too: how much of what escalates a
-- model would answer alike that only knew it.
ALTER TABLE winnow.attempt
    ADD COLUMN guessed_items integer NOT NULL DEFAULT 0,
    ADD COLUMN agreed_items integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN winnow.attempt.guessed_items IS 'Of a call of the full model: items of which the small model''s answer is known.';
COMMENT ON COLUMN winnow.attempt.agreed_items IS 'Of those: items of which both said the same.';

CREATE TABLE winnow.cost_hour (
    hour timestamptz NOT NULL,
    -- The writer's process, for writers must not wait for each other; 0 once the hour is folded.
    shard integer NOT NULL,
    calls bigint NOT NULL,
    lost_calls bigint NOT NULL,
    items numeric NOT NULL,
    input_tokens numeric NOT NULL,
    output_tokens numeric NOT NULL,
    flops numeric NOT NULL,
    cost_pico_usd numeric NOT NULL,
    full_model_input_tokens numeric NOT NULL,
    full_model_output_tokens numeric NOT NULL,
    full_model_flops numeric NOT NULL,
    full_model_cost_pico_usd numeric NOT NULL,
    duration_us numeric NOT NULL,
    guessed_items numeric NOT NULL,
    agreed_items numeric NOT NULL,
    kind winnow.attempt_kind NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (hour, capability, task, tenant_id, model, version, kind, shard)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.cost_hour IS 'The ledger by hour (UTC) in which calls were started; what is not folded yet is in several shards.';
CREATE INDEX cost_hour_tenant ON winnow.cost_hour (tenant_id, hour);
CREATE INDEX cost_hour_open ON winnow.cost_hour (hour) WHERE shard <> 0;

CREATE TABLE winnow.cost_day (
    day date NOT NULL,
    calls bigint NOT NULL,
    lost_calls bigint NOT NULL,
    items numeric NOT NULL,
    input_tokens numeric NOT NULL,
    output_tokens numeric NOT NULL,
    flops numeric NOT NULL,
    cost_pico_usd numeric NOT NULL,
    full_model_input_tokens numeric NOT NULL,
    full_model_output_tokens numeric NOT NULL,
    full_model_flops numeric NOT NULL,
    full_model_cost_pico_usd numeric NOT NULL,
    duration_us numeric NOT NULL,
    guessed_items numeric NOT NULL,
    agreed_items numeric NOT NULL,
    kind winnow.attempt_kind NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    PRIMARY KEY (day, capability, task, tenant_id, model, version, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.cost_day IS 'The folded hours by day (UTC).';

-- With 1 for rows that are there now, with -1 for what they were: a call that is settled has another price than it reserved,
-- and may be another model's. SECURITY DEFINER: who writes the ledger needs no rights on its sums.
CREATE FUNCTION winnow.count_attempts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sign constant integer := TG_ARGV[0];
BEGIN
    INSERT INTO winnow.cost_hour AS c (
        hour, shard, capability, task, tenant_id, model, version, kind,
        calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
        full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items)
    SELECT date_trunc('hour', started_at, 'UTC'), pg_backend_pid(), capability, task, tenant_id, model, version, kind,
        sign * count(*), sign * count(*) FILTER (WHERE state IN ('failed', 'unknown')), sign * sum(items),
        sign * sum(input_tokens), sign * sum(output_tokens), sign * sum(flops), sign * sum(cost_pico_usd),
        sign * sum(full_model_input_tokens), sign * sum(full_model_output_tokens), sign * sum(full_model_flops),
        sign * sum(full_model_cost_pico_usd), sign * sum(duration_us), sign * sum(guessed_items),
        sign * sum(agreed_items)
    FROM changed
    GROUP BY 1, capability, task, tenant_id, model, version, kind
    ORDER BY 1, capability, task, tenant_id, model, version, kind
    ON CONFLICT (hour, capability, task, tenant_id, model, version, kind, shard) DO UPDATE SET
        calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls,
        items = c.items + excluded.items, input_tokens = c.input_tokens + excluded.input_tokens,
        output_tokens = c.output_tokens + excluded.output_tokens, flops = c.flops + excluded.flops,
        cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
        full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
        full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
        full_model_flops = c.full_model_flops + excluded.full_model_flops,
        full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
        duration_us = c.duration_us + excluded.duration_us, guessed_items = c.guessed_items + excluded.guessed_items,
        agreed_items = c.agreed_items + excluded.agreed_items;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION winnow.count_attempts IS 'Adds changed rows of the ledger to its sums, or takes them out.';
REVOKE ALL ON FUNCTION winnow.count_attempts FROM PUBLIC;

-- Nothing may be written between what is counted here and what the triggers count.
LOCK TABLE winnow.attempt IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO winnow.cost_hour (
    hour, shard, capability, task, tenant_id, model, version, kind,
    calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
    full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items)
SELECT date_trunc('hour', started_at, 'UTC'), pg_backend_pid(), capability, task, tenant_id, model, version, kind,
    count(*), count(*) FILTER (WHERE state IN ('failed', 'unknown')), sum(items), sum(input_tokens), sum(output_tokens),
    sum(flops), sum(cost_pico_usd), sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
    sum(full_model_cost_pico_usd), sum(duration_us), 0, 0
FROM winnow.attempt GROUP BY 1, capability, task, tenant_id, model, version, kind;

CREATE TRIGGER attempt_counted AFTER INSERT ON winnow.attempt
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('1');
CREATE TRIGGER attempt_counted_after AFTER UPDATE ON winnow.attempt
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('1');
CREATE TRIGGER attempt_uncounted_before AFTER UPDATE ON winnow.attempt
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('-1');

-- Brings the shards of past hours together and adds them to their day. A late change of such an hour is in a shard again, and
-- the next call folds it. One statement: at no moment is anything counted twice, or not at all.
CREATE FUNCTION winnow.fold_costs() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH locked AS (
        -- In the order in which calls are counted, so that two cannot wait for each other.
        SELECT hour, capability, task, tenant_id, model, version, kind, shard FROM winnow.cost_hour
        WHERE shard <> 0 AND hour < date_trunc('hour', now() - interval '10 minutes', 'UTC')
        ORDER BY hour, capability, task, tenant_id, model, version, kind FOR UPDATE),
    closed AS (
        DELETE FROM winnow.cost_hour AS c USING locked AS l
        WHERE c.hour = l.hour AND c.capability = l.capability AND c.task = l.task AND c.tenant_id = l.tenant_id
            AND c.model = l.model AND c.version = l.version AND c.kind = l.kind AND c.shard = l.shard
        RETURNING c.*),
    days AS (
        INSERT INTO winnow.cost_day AS c (
            day, capability, task, tenant_id, model, version, kind,
            calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
            full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items,
            agreed_items)
        SELECT (hour AT TIME ZONE 'UTC')::date, capability, task, tenant_id, model, version, kind,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops),
            sum(cost_pico_usd), sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(duration_us), sum(guessed_items), sum(agreed_items)
        FROM closed GROUP BY 1, capability, task, tenant_id, model, version, kind ORDER BY 1, capability, task, tenant_id, model, version, kind
        ON CONFLICT (day, capability, task, tenant_id, model, version, kind) DO UPDATE SET
            calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls,
            items = c.items + excluded.items, input_tokens = c.input_tokens + excluded.input_tokens,
            output_tokens = c.output_tokens + excluded.output_tokens, flops = c.flops + excluded.flops,
            cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
            full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
            full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
            full_model_flops = c.full_model_flops + excluded.full_model_flops,
            full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
            duration_us = c.duration_us + excluded.duration_us,
            guessed_items = c.guessed_items + excluded.guessed_items,
            agreed_items = c.agreed_items + excluded.agreed_items),
    hours AS (
        INSERT INTO winnow.cost_hour AS c (
            hour, shard, capability, task, tenant_id, model, version, kind,
            calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
            full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items,
            agreed_items)
        SELECT hour, 0, capability, task, tenant_id, model, version, kind,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops),
            sum(cost_pico_usd), sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(duration_us), sum(guessed_items), sum(agreed_items)
        FROM closed GROUP BY hour, capability, task, tenant_id, model, version, kind ORDER BY hour, capability, task, tenant_id, model, version, kind
        ON CONFLICT (hour, capability, task, tenant_id, model, version, kind, shard) DO UPDATE SET
            calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls,
            items = c.items + excluded.items, input_tokens = c.input_tokens + excluded.input_tokens,
            output_tokens = c.output_tokens + excluded.output_tokens, flops = c.flops + excluded.flops,
            cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
            full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
            full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
            full_model_flops = c.full_model_flops + excluded.full_model_flops,
            full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
            duration_us = c.duration_us + excluded.duration_us,
            guessed_items = c.guessed_items + excluded.guessed_items,
            agreed_items = c.agreed_items + excluded.agreed_items
        RETURNING 1)
    SELECT count(*) FROM hours
$$;
COMMENT ON FUNCTION winnow.fold_costs IS 'Folds the sums of past hours; returns how many it has changed.';
REVOKE ALL ON FUNCTION winnow.fold_costs FROM PUBLIC;

CREATE VIEW winnow.cost AS
SELECT day, capability, task, tenant_id, model, version, kind,
    calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
    full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items
FROM winnow.cost_day
UNION ALL
SELECT (hour AT TIME ZONE 'UTC')::date, capability, task, tenant_id, model, version, kind,
    calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
    full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items
FROM winnow.cost_hour WHERE shard <> 0;
COMMENT ON VIEW winnow.cost IS 'The sums by day, with what is not folded yet: a key may be there more than once.';

-- An hour without open shards is one row a key already: a month of them is read without grouping.
CREATE OR REPLACE VIEW ops.capability_cost AS
SELECT hour, capability, task, tenant_id AS tenant, model, version, kind::text, calls, lost_calls, items, input_tokens,
    output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_flops, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd,
    (duration_us / nullif(calls, 0) / 1000)::numeric(20, 3) AS average_duration_ms
FROM (
    SELECT hour, capability, task, tenant_id, model, version, kind, calls, lost_calls, items, input_tokens, output_tokens,
        flops, cost_pico_usd, full_model_flops, full_model_cost_pico_usd, duration_us
    FROM winnow.cost_hour WHERE shard = 0 AND hour NOT IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    UNION ALL
    SELECT hour, capability, task, tenant_id, model, version, kind, sum(calls)::bigint, sum(lost_calls)::bigint, sum(items),
        sum(input_tokens), sum(output_tokens), sum(flops), sum(cost_pico_usd), sum(full_model_flops),
        sum(full_model_cost_pico_usd), sum(duration_us)
    FROM winnow.cost_hour WHERE hour IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    GROUP BY hour, capability, task, tenant_id, model, version, kind) AS c
WHERE calls <> 0;
COMMENT ON VIEW ops.capability_cost IS 'The ledger per hour, capability, task, tenant, model, version and kind of call; of what is past retention, too.';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_pico_usd IS 'What the full model alone would have cost for the same items, their routing included.';

CREATE VIEW ops.daily_cost AS
SELECT day, capability, task, tenant_id AS tenant, model, version, kind::text,
    sum(calls)::bigint AS calls,
    sum(lost_calls)::bigint AS lost_calls,
    sum(items) AS items,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(flops) AS flops,
    sum(cost_pico_usd) AS cost_pico_usd,
    ops.usd(sum(cost_pico_usd)) AS cost_usd,
    sum(full_model_flops) AS full_model_flops,
    sum(full_model_cost_pico_usd) AS full_model_cost_pico_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_cost_usd,
    sum(guessed_items) AS guessed_items,
    sum(agreed_items) AS agreed_items
FROM winnow.cost AS c
GROUP BY day, capability, task, tenant_id, model, version, c.kind
HAVING sum(calls) <> 0;
COMMENT ON VIEW ops.daily_cost IS 'ops.capability_cost per day (UTC), for months and years.';
COMMENT ON COLUMN ops.daily_cost.agreed_items IS 'Escalated items of which the small model had said the same, of the guessed_items whose guess is known.';

CREATE OR REPLACE VIEW ops.capability_use AS
SELECT rank() OVER (ORDER BY sum(items) FILTER (WHERE kind IN ('router', 'worker')) DESC NULLS LAST) AS rank,
    capability, task,
    coalesce(sum(calls) FILTER (WHERE kind IN ('router', 'worker')), 0)::bigint AS small_model_calls,
    coalesce(sum(items) FILTER (WHERE kind IN ('router', 'worker')), 0) AS small_model_items,
    coalesce(sum(calls) FILTER (WHERE kind = 'full'), 0)::bigint AS escalations,
    coalesce(sum(items) FILTER (WHERE kind = 'full'), 0) AS escalated_items,
    (coalesce(sum(items) FILTER (WHERE kind = 'full'), 0)
        / nullif(sum(items) FILTER (WHERE kind IN ('router', 'worker')), 0))::numeric(20, 4) AS escalated_share,
    ops.usd(sum(cost_pico_usd)) AS cost_usd,
    ops.usd(coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'full'), 0)) AS escalation_cost_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_cost_usd
FROM winnow.cost
GROUP BY capability, task
HAVING sum(calls) <> 0;
COMMENT ON COLUMN ops.capability_use.escalated_share IS 'Items that went on to the full model, of those the small model was asked about; repeated calls count again.';

CREATE OR REPLACE VIEW ops.savings AS
SELECT day, tenant_id AS tenant,
    sum(cost_pico_usd) AS spent_pico_usd,
    sum(full_model_cost_pico_usd) AS full_model_pico_usd,
    sum(full_model_cost_pico_usd) - sum(cost_pico_usd) AS saved_pico_usd,
    ops.usd(sum(cost_pico_usd)) AS spent_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_usd,
    ops.usd(sum(full_model_cost_pico_usd) - sum(cost_pico_usd)) AS saved_usd,
    sum(flops) AS flops,
    sum(full_model_flops) AS full_model_flops,
    (sum(flops) / nullif(sum(full_model_flops), 0))::numeric(20, 4) AS compute_share,
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'router'), 0) AS router_pico_usd,
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'worker'), 0) AS worker_pico_usd,
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'full'), 0) AS escalation_pico_usd,
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'shadow'), 0) AS shadow_pico_usd
FROM winnow.cost
GROUP BY day, tenant_id
HAVING sum(calls) <> 0;
COMMENT ON VIEW ops.savings IS 'Per day (UTC) and tenant: what was spent, routing, checks, failed and abandoned calls included, against the full model alone.';

-- The columns of FOCUS 1.2. Charges are usage and nothing else: what was saved is a column of our own, never a credit.
CREATE VIEW ops.focus_cost AS
SELECT ops.usd(sum(cost_pico_usd)) AS "BilledCost",
    'USD' AS "BillingCurrency",
    date_trunc('month', day::timestamp) AT TIME ZONE 'UTC' AS "BillingPeriodStart",
    (date_trunc('month', day::timestamp) + interval '1 month') AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
    'Usage' AS "ChargeCategory",
    capability || '/' || task || CASE kind
        WHEN 'router' THEN ', routing' WHEN 'worker' THEN ', small model' WHEN 'full' THEN ', escalation to the full model'
        ELSE ', check by the full model' END AS "ChargeDescription",
    day::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodStart",
    (day + 1)::timestamp AT TIME ZONE 'UTC' AS "ChargePeriodEnd",
    sum(input_tokens) + sum(output_tokens) AS "ConsumedQuantity",
    'Tokens' AS "ConsumedUnit",
    ops.usd(sum(cost_pico_usd)) AS "ContractedCost",
    ops.usd(sum(cost_pico_usd)) AS "EffectiveCost",
    ops.usd(sum(cost_pico_usd)) AS "ListCost",
    sum(input_tokens) + sum(output_tokens) AS "PricingQuantity",
    'Tokens' AS "PricingUnit",
    'Winnow' AS "ProviderName",
    'Winnow' AS "PublisherName",
    'Winnow' AS "InvoiceIssuerName",
    'AI and Machine Learning' AS "ServiceCategory",
    'Winnow' AS "ServiceName",
    model || '@' || version AS "SkuId",
    tenant_id AS "SubAccountId",
    jsonb_build_object('capability', capability, 'task', task, 'kind', kind) AS "Tags",
    capability AS "x_Capability",
    task AS "x_Task",
    kind::text AS "x_Kind",
    sum(calls)::bigint AS "x_Calls",
    sum(items) AS "x_Items",
    ops.usd(sum(full_model_cost_pico_usd)) AS "x_CounterfactualCost"
FROM winnow.cost
GROUP BY day, capability, task, tenant_id, model, version, kind
HAVING sum(calls) <> 0;
COMMENT ON VIEW ops.focus_cost IS 'Costs in the columns of FOCUS 1.2, a row for each day, tenant, capability, task, model and kind of call.';
COMMENT ON COLUMN ops.focus_cost."x_CounterfactualCost" IS 'What the full model alone would have cost for the same items; 0 for calls that it would not need.';

-- The past has its price. A first price may begin at any time: nothing was paid by another one.
CREATE FUNCTION winnow.guard_price() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a price never changes and is never taken back: add one that begins later'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.valid_from < now() AND EXISTS (SELECT FROM winnow.price AS p WHERE p.model = NEW.model) THEN
        RAISE EXCEPTION 'a price must not begin in the past: calls were paid by the one before'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION winnow.guard_price IS 'Refuses whatever would give the past another price.';
REVOKE ALL ON FUNCTION winnow.guard_price FROM PUBLIC;
CREATE TRIGGER price_guarded BEFORE INSERT OR UPDATE OR DELETE ON winnow.price
    FOR EACH ROW EXECUTE FUNCTION winnow.guard_price();

CREATE VIEW ops.price AS
SELECT model, valid_from, lead(valid_from) OVER (PARTITION BY model ORDER BY valid_from) AS valid_until,
    input_token_pico_usd, output_token_pico_usd
FROM winnow.price;
COMMENT ON VIEW ops.price IS 'What a token of each model has cost, costs, and will cost, in pico-USD.';

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_aggregator', 'EXECUTE ON FUNCTION winnow.fold_costs'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.price');

SELECT winnow.grant_roles();
