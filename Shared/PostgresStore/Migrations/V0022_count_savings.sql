-- Savings that are true (infra/decisions/0037-honest-savings.md): only answers that were given count, tests of our own do not, no
-- baseline has a routing pass, and what the platform itself costs is beside them.

ALTER TABLE winnow.attempt ADD COLUMN full_model_once_cost_pico_usd bigint NOT NULL DEFAULT 0;
ALTER TABLE winnow.cost_hour ADD COLUMN full_model_once_cost_pico_usd numeric NOT NULL DEFAULT 0;
ALTER TABLE winnow.cost_day ADD COLUMN full_model_once_cost_pico_usd numeric NOT NULL DEFAULT 0;
COMMENT ON TABLE winnow.attempt IS
    'The ledger: one row per model call, also a failed one. full_model_* is what the full model alone would have taken for the items that were answered: a call an item, or, in full_model_once_*, one call for the whole request.';

-- Routers counted a routing pass of the full model as saved. The rows of the ledger stay as they were written; the sums, from
-- which savings are read, lose it.
UPDATE winnow.cost_hour SET full_model_input_tokens = 0, full_model_output_tokens = 0, full_model_flops = 0,
    full_model_cost_pico_usd = 0 WHERE kind = 'router';
UPDATE winnow.cost_day SET full_model_input_tokens = 0, full_model_output_tokens = 0, full_model_flops = 0,
    full_model_cost_pico_usd = 0 WHERE kind = 'router';

-- As before, with the new sum.
CREATE OR REPLACE FUNCTION winnow.count_attempts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sign constant integer := TG_ARGV[0];
BEGIN
    INSERT INTO winnow.cost_hour AS c (
        hour, shard, capability, task, tenant_id, model, version, kind,
        calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
        full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items,
        full_model_once_cost_pico_usd)
    SELECT date_trunc('hour', started_at, 'UTC'), pg_backend_pid(), capability, task, tenant_id, model, version, kind,
        sign * count(*), sign * count(*) FILTER (WHERE state IN ('failed', 'unknown')), sign * sum(items),
        sign * sum(input_tokens), sign * sum(output_tokens), sign * sum(flops), sign * sum(cost_pico_usd),
        sign * sum(full_model_input_tokens), sign * sum(full_model_output_tokens), sign * sum(full_model_flops),
        sign * sum(full_model_cost_pico_usd), sign * sum(duration_us), sign * sum(guessed_items),
        sign * sum(agreed_items), sign * sum(full_model_once_cost_pico_usd)
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
        agreed_items = c.agreed_items + excluded.agreed_items,
        full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd;
    RETURN NULL;
END
$$;

-- As before, with the new sum.
CREATE OR REPLACE FUNCTION winnow.fold_costs() RETURNS bigint
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
            agreed_items, full_model_once_cost_pico_usd)
        SELECT (hour AT TIME ZONE 'UTC')::date, capability, task, tenant_id, model, version, kind,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops),
            sum(cost_pico_usd), sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(duration_us), sum(guessed_items), sum(agreed_items),
            sum(full_model_once_cost_pico_usd)
        FROM closed GROUP BY 1, capability, task, tenant_id, model, version, kind
        ORDER BY 1, capability, task, tenant_id, model, version, kind
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
            agreed_items = c.agreed_items + excluded.agreed_items,
            full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd),
    hours AS (
        INSERT INTO winnow.cost_hour AS c (
            hour, shard, capability, task, tenant_id, model, version, kind,
            calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
            full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items,
            agreed_items, full_model_once_cost_pico_usd)
        SELECT hour, 0, capability, task, tenant_id, model, version, kind,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops),
            sum(cost_pico_usd), sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(duration_us), sum(guessed_items), sum(agreed_items),
            sum(full_model_once_cost_pico_usd)
        FROM closed GROUP BY hour, capability, task, tenant_id, model, version, kind
        ORDER BY hour, capability, task, tenant_id, model, version, kind
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
            agreed_items = c.agreed_items + excluded.agreed_items,
            full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd
        RETURNING 1)
    SELECT count(*) FROM hours
$$;

CREATE OR REPLACE VIEW winnow.cost AS
SELECT day, capability, task, tenant_id, model, version, kind,
    calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
    full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items,
    full_model_once_cost_pico_usd
FROM winnow.cost_day
UNION ALL
SELECT (hour AT TIME ZONE 'UTC')::date, capability, task, tenant_id, model, version, kind,
    calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
    full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, duration_us, guessed_items, agreed_items,
    full_model_once_cost_pico_usd
FROM winnow.cost_hour WHERE shard <> 0;

-- A mark of operators, not of requests: it takes traffic out of the savings, and changes neither budgets nor charges.
CREATE TABLE winnow.test_tenant (
    tenant_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE winnow.test_tenant IS 'Tenants whose requests are tests: they are charged as all are, and are in no savings.';
INSERT INTO winnow.test_tenant (tenant_id) VALUES ('winnow-evaluate');

CREATE OR REPLACE VIEW ops.capability_cost AS
SELECT hour, capability, task, tenant_id AS tenant, model, version, kind::text, calls, lost_calls, items, input_tokens,
    output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_flops, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd,
    (duration_us / nullif(calls, 0) / 1000)::numeric(20, 3) AS average_duration_ms,
    full_model_once_cost_pico_usd, ops.usd(full_model_once_cost_pico_usd) AS full_model_once_cost_usd,
    EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id) AS is_test
FROM (
    SELECT hour, capability, task, tenant_id, model, version, kind, calls, lost_calls, items, input_tokens, output_tokens,
        flops, cost_pico_usd, full_model_flops, full_model_cost_pico_usd, duration_us, full_model_once_cost_pico_usd
    FROM winnow.cost_hour WHERE shard = 0 AND hour NOT IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    UNION ALL
    SELECT hour, capability, task, tenant_id, model, version, kind, sum(calls)::bigint, sum(lost_calls)::bigint, sum(items),
        sum(input_tokens), sum(output_tokens), sum(flops), sum(cost_pico_usd), sum(full_model_flops),
        sum(full_model_cost_pico_usd), sum(duration_us), sum(full_model_once_cost_pico_usd)
    FROM winnow.cost_hour WHERE hour IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    GROUP BY hour, capability, task, tenant_id, model, version, kind) AS c
WHERE calls <> 0;

CREATE OR REPLACE VIEW ops.daily_cost AS
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
    sum(agreed_items) AS agreed_items,
    sum(full_model_once_cost_pico_usd) AS full_model_once_cost_pico_usd,
    ops.usd(sum(full_model_once_cost_pico_usd)) AS full_model_once_cost_usd,
    EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id) AS is_test
FROM winnow.cost AS c
GROUP BY day, capability, task, tenant_id, model, version, c.kind
HAVING sum(calls) <> 0;

CREATE OR REPLACE VIEW ops.tenant AS
SELECT t.tenant_id AS tenant, t.weight, coalesce(r.open, 0) AS open_requests,
    (SELECT count(*) FROM winnow.submission AS s WHERE s.tenant_id = t.tenant_id AND s.sent_at IS NULL)
        AS waiting_requests,
    t.created_at,
    EXISTS (SELECT FROM winnow.test_tenant AS x WHERE x.tenant_id = t.tenant_id) AS is_test
FROM winnow.tenant AS t LEFT JOIN (
    SELECT tenant_id, count(*) AS open FROM winnow.request WHERE state = 'open' GROUP BY tenant_id) AS r
    ON r.tenant_id = t.tenant_id;

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
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'shadow'), 0) AS shadow_pico_usd,
    sum(full_model_once_cost_pico_usd) AS full_model_once_pico_usd,
    sum(full_model_once_cost_pico_usd) - sum(cost_pico_usd) AS saved_on_once_pico_usd,
    ops.usd(sum(full_model_once_cost_pico_usd)) AS full_model_once_usd,
    ops.usd(sum(full_model_once_cost_pico_usd) - sum(cost_pico_usd)) AS saved_on_once_usd
FROM winnow.cost AS c
WHERE NOT EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id)
GROUP BY day, tenant_id
HAVING sum(calls) <> 0;
COMMENT ON VIEW ops.savings IS
    'Per day (UTC) and tenant: what was spent (routing, checks, failed and abandoned calls included) against the full model alone, asked item by item or once for each request. Answers that were given count; tests do not.';

-- What the platform itself costs. Heartbeats carry the processor time of each process since its start; the database's own is what
-- its statistics call active: the time in which it ran statements, waits included, so that it is not too low.
CREATE TABLE winnow.platform_rate (
    valid_from timestamptz PRIMARY KEY,
    core_hour_pico_usd bigint NOT NULL,
    CONSTRAINT platform_rate_bounded CHECK (core_hour_pico_usd BETWEEN 0 AND 1000000000000000)
);
COMMENT ON TABLE winnow.platform_rate IS 'What an hour of one processor core costs, in pico-USD, for the days that begin from valid_from on.';
INSERT INTO winnow.platform_rate (valid_from, core_hour_pico_usd) VALUES ('1970-01-01T00:00:00Z', 40000000000);

CREATE FUNCTION winnow.guard_platform_rate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' OR NEW.valid_from < now() THEN
        RAISE EXCEPTION 'a rate never changes and begins in the future' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION winnow.guard_platform_rate IS 'Refuses whatever would give the past another rate.';
REVOKE ALL ON FUNCTION winnow.guard_platform_rate FROM PUBLIC;
CREATE TRIGGER platform_rate_guarded BEFORE INSERT OR UPDATE OR DELETE ON winnow.platform_rate
    FOR EACH ROW EXECUTE FUNCTION winnow.guard_platform_rate();

CREATE TABLE winnow.platform_day (
    day date NOT NULL,
    component text COLLATE "C" NOT NULL,
    cpu_ms numeric NOT NULL,
    PRIMARY KEY (day, component)
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.platform_day IS 'Processor time by day (UTC) and service; the component database is this database.';

CREATE TABLE winnow.platform_meter (
    component text COLLATE "C" PRIMARY KEY,
    reading_ms double precision NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE winnow.platform_meter IS 'How far a counter had come that only ever grows, so that nothing is counted twice.';
INSERT INTO winnow.platform_meter (component, reading_ms)
SELECT 'database', active_time FROM pg_stat_database WHERE datname = current_database();

ALTER TABLE winnow.instance ADD COLUMN cpu_ms bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN winnow.instance.cpu_ms IS 'Processor time since the process started.';

-- A process cannot have used more than 256 cores since its last beat, whatever it says.
CREATE FUNCTION winnow.count_processor_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reading double precision;
    earlier double precision;
BEGIN
    -- First of all: one writer after the other, so that two cannot wait for each other.
    SELECT reading_ms INTO earlier FROM winnow.platform_meter WHERE component = 'database' FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        SELECT (beat_at AT TIME ZONE 'UTC')::date, service,
            sum(least(cpu_ms, 256000 * greatest(extract(epoch FROM beat_at - started_at), 0)))
        FROM changed GROUP BY 1, 2 HAVING sum(cpu_ms) > 0
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    ELSE
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        SELECT (n.beat_at AT TIME ZONE 'UTC')::date, n.service,
            sum(least(n.cpu_ms - CASE WHEN n.started_at = o.started_at THEN o.cpu_ms ELSE 0 END,
                256000 * greatest(extract(epoch FROM n.beat_at - greatest(o.beat_at, n.started_at)), 0)))
        FROM changed AS n JOIN earlier_rows AS o USING (instance_id)
        WHERE n.cpu_ms > CASE WHEN n.started_at = o.started_at THEN o.cpu_ms ELSE 0 END
        GROUP BY 1, 2
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    END IF;
    SELECT active_time INTO reading FROM pg_stat_database WHERE datname = current_database();
    IF reading <> earlier THEN
        UPDATE winnow.platform_meter SET reading_ms = reading WHERE component = 'database';
        -- Statistics that were reset begin at zero.
        INSERT INTO winnow.platform_day AS d (day, component, cpu_ms)
        VALUES ((now() AT TIME ZONE 'UTC')::date, 'database',
            (CASE WHEN reading < earlier THEN reading ELSE reading - earlier END)::numeric)
        ON CONFLICT (day, component) DO UPDATE SET cpu_ms = d.cpu_ms + excluded.cpu_ms;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION winnow.count_processor_time IS 'Adds what processes and the database have used since they were last heard of to the day.';
REVOKE ALL ON FUNCTION winnow.count_processor_time FROM PUBLIC;
CREATE TRIGGER instance_counted AFTER INSERT ON winnow.instance
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_processor_time();
CREATE TRIGGER instance_counted_after AFTER UPDATE ON winnow.instance
    REFERENCING OLD TABLE AS earlier_rows NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_processor_time();

CREATE VIEW ops.platform_cost AS
SELECT d.day, d.component, round(d.cpu_ms / 1000, 3) AS cpu_seconds, ops.usd(r.core_hour_pico_usd) AS core_hour_usd,
    round(d.cpu_ms * r.core_hour_pico_usd / 3600000) AS cost_pico_usd,
    ops.usd(round(d.cpu_ms * r.core_hour_pico_usd / 3600000)) AS cost_usd
FROM winnow.platform_day AS d CROSS JOIN LATERAL (
    SELECT core_hour_pico_usd FROM winnow.platform_rate
    WHERE valid_from <= d.day::timestamp AT TIME ZONE 'UTC' ORDER BY valid_from DESC LIMIT 1) AS r;
COMMENT ON VIEW ops.platform_cost IS
    'What the processes and the database themselves cost, per day (UTC), at the rate that held when the day began. The models that run in the processes are in it; their calls are in ops.savings, too.';

CREATE OR REPLACE VIEW ops.savings_total AS
SELECT coalesce(sum(spent_pico_usd), 0) AS spent_pico_usd,
    coalesce(sum(full_model_pico_usd), 0) AS full_model_pico_usd,
    coalesce(sum(saved_pico_usd), 0) AS saved_pico_usd,
    ops.usd(coalesce(sum(spent_pico_usd), 0)) AS spent_usd,
    ops.usd(coalesce(sum(full_model_pico_usd), 0)) AS full_model_usd,
    ops.usd(coalesce(sum(saved_pico_usd), 0)) AS saved_usd,
    (sum(saved_pico_usd) / nullif(sum(full_model_pico_usd), 0))::numeric(20, 4) AS saved_share,
    (sum(flops) / nullif(sum(full_model_flops), 0))::numeric(20, 4) AS compute_share,
    coalesce(sum(full_model_once_pico_usd), 0) AS full_model_once_pico_usd,
    coalesce(sum(saved_on_once_pico_usd), 0) AS saved_on_once_pico_usd,
    ops.usd(coalesce(sum(full_model_once_pico_usd), 0)) AS full_model_once_usd,
    ops.usd(coalesce(sum(saved_on_once_pico_usd), 0)) AS saved_on_once_usd,
    (sum(saved_on_once_pico_usd) / nullif(sum(full_model_once_pico_usd), 0))::numeric(20, 4) AS saved_on_once_share,
    (SELECT coalesce(sum(cpu_seconds), 0) FROM ops.platform_cost) AS platform_cpu_seconds,
    (SELECT coalesce(sum(cost_pico_usd), 0) FROM ops.platform_cost) AS platform_pico_usd,
    (SELECT ops.usd(coalesce(sum(cost_pico_usd), 0)) FROM ops.platform_cost) AS platform_usd
FROM ops.savings;

CREATE OR REPLACE VIEW ops.instance AS
SELECT instance_id, service, host, pid, version,
    CASE
        WHEN state <> 'stopped' AND now() - beat_at > 3 * beat_interval_ms * interval '1 millisecond' THEN 'lost'
        ELSE state
    END AS state,
    partitions, started_at, beat_at,
    round(extract(epoch FROM greatest(now() - beat_at, interval '0')), 1) AS beat_age_seconds,
    round(cpu_ms / 1000.0, 3) AS cpu_seconds
FROM winnow.instance;

INSERT INTO winnow.role_grant (role, privilege) VALUES
    ('winnow_operator', 'SELECT, INSERT, DELETE ON winnow.test_tenant'),
    ('winnow_operator', 'SELECT, INSERT ON winnow.platform_rate'),
    ('winnow_ops', 'SELECT ON ops.platform_cost'),
    ('winnow_operator', 'SELECT ON ops.platform_cost');

SELECT winnow.grant_roles();
