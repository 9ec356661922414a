-- The ledger of model calls, and its sums by hour and by day.

CREATE TYPE winnow.attempt_kind AS ENUM ('router', 'worker', 'full', 'shadow');
CREATE TYPE winnow.attempt_state AS ENUM ('started', 'settled', 'failed', 'unknown');

-- Partitioned like winnow.step. Each row keeps the cost that it was written with, so a new price cannot change the past.
CREATE TABLE winnow.attempt (
    request_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    settled_at timestamptz,
    duration_us bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    flops bigint NOT NULL,
    cost_pico_usd bigint NOT NULL,
    full_model_input_tokens bigint NOT NULL,
    full_model_output_tokens bigint NOT NULL,
    full_model_flops bigint NOT NULL,
    full_model_cost_pico_usd bigint NOT NULL,
    full_model_once_cost_pico_usd bigint NOT NULL DEFAULT 0,
    kind winnow.attempt_kind NOT NULL,
    state winnow.attempt_state NOT NULL,
    items integer NOT NULL,
    -- An escalation carries the answer that the small model would have given. So its cost also buys knowledge: how many of the
    -- escalated items the small model would have answered in the same way.
    guessed_items integer NOT NULL DEFAULT 0,
    agreed_items integer NOT NULL DEFAULT 0,
    step_ordinal smallint NOT NULL,
    number smallint NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    error text,
    PRIMARY KEY (request_id, step_ordinal, number),
    CONSTRAINT attempt_number_positive CHECK (number > 0),
    -- A negative cost would be a credit, and savings are never recorded as credits.
    CONSTRAINT attempt_cost_not_negative CHECK (cost_pico_usd >= 0 AND full_model_cost_pico_usd >= 0)
) PARTITION BY RANGE (request_id);
COMMENT ON TABLE winnow.attempt IS
    'The ledger: one row per model call, including failed calls. The columns full_model_* hold what the full model alone would '
    'have used for the answered items with one call per item; full_model_once_* assumes one call per request.';
COMMENT ON COLUMN winnow.attempt.guessed_items IS
    'For calls of the full model: items for which the answer of the small model is known.';
COMMENT ON COLUMN winnow.attempt.agreed_items IS 'Those of guessed_items for which both models gave the same answer.';

CREATE TABLE winnow.attempt_default PARTITION OF winnow.attempt DEFAULT;

-- Calls whose process died. They are few, and are searched for repeatedly.
CREATE INDEX attempt_started ON winnow.attempt (started_at) WHERE state = 'started';

-- Sums of the ledger, updated in the transaction that writes the ledger, so that the reports of operators do not slow down with
-- the number of calls. Statement-level triggers update them, so that no writer can forget to. Retention drops partitions and
-- moves rows between them without a statement on winnow.attempt, which leaves the sums unchanged.

-- The dimensions of the sums, stored once per combination, so that the rows of the sums are narrow. A new dimension is a column
-- here, in the lookup of count_attempts and in the views.
CREATE TABLE winnow.cost_series (
    series_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind winnow.attempt_kind NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    capability text COLLATE "C" NOT NULL,
    task text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    unused_since timestamptz,
    CONSTRAINT cost_series_unique UNIQUE (tenant_id, capability, task, model, version, kind)
);
COMMENT ON TABLE winnow.cost_series IS
    'Combinations of tenant, capability, task, model, version and kind of call. winnow.cost_hour and winnow.cost_day sum the '
    'ledger for each.';
COMMENT ON COLUMN winnow.cost_series.unused_since IS
    'When retention found the series without a sum. It is deleted a day later, unless a call is counted in it before.';

CREATE TABLE winnow.cost_hour (
    hour timestamptz NOT NULL,
    series_id integer NOT NULL,
    -- The backend pid of the writer, so that writers do not wait for each other; 0 after the hour is folded.
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
    full_model_once_cost_pico_usd numeric NOT NULL,
    duration_us numeric NOT NULL,
    guessed_items numeric NOT NULL,
    agreed_items numeric NOT NULL,
    PRIMARY KEY (hour, series_id, shard)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.cost_hour IS
    'The ledger by the hour (UTC) in which calls started. Hours that are not folded yet have several shards.';
CREATE INDEX cost_hour_by_series ON winnow.cost_hour (series_id, hour);
CREATE INDEX cost_hour_open ON winnow.cost_hour (hour) WHERE shard <> 0;
-- Budgets of a day or a month add the hours that are not folded yet.
CREATE INDEX cost_hour_open_by_series ON winnow.cost_hour (series_id) WHERE shard <> 0;

CREATE TABLE winnow.cost_day (
    day date NOT NULL,
    series_id integer NOT NULL,
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
    full_model_once_cost_pico_usd numeric NOT NULL,
    duration_us numeric NOT NULL,
    guessed_items numeric NOT NULL,
    agreed_items numeric NOT NULL,
    PRIMARY KEY (day, series_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE winnow.cost_day IS 'The folded hours, by day (UTC).';
CREATE INDEX cost_day_by_series ON winnow.cost_day (series_id, day);

-- Creates the series for its first call, and reactivates a series that is marked for deletion. Only another first call of the
-- same series waits for this statement.
CREATE FUNCTION winnow.add_cost_series(
    tenant text, capability text, task text, model text, version text, kind winnow.attempt_kind) RETURNS integer
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO winnow.cost_series AS s (tenant_id, capability, task, model, version, kind)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT ON CONSTRAINT cost_series_unique DO UPDATE SET unused_since = NULL
    RETURNING s.series_id
$$;
COMMENT ON FUNCTION winnow.add_cost_series IS 'Returns the series of a call for which no series is in use.';
REVOKE ALL ON FUNCTION winnow.add_cost_series FROM PUBLIC;

-- The argument 1 adds the new values of the rows, and -1 subtracts the old ones. Settling a call replaces its reserved price and
-- may change its model. SECURITY DEFINER: a role that writes the ledger needs no rights on its sums.
CREATE FUNCTION winnow.count_attempts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sign constant integer := TG_ARGV[0];
BEGIN
    INSERT INTO winnow.cost_hour AS c (
        hour, series_id, shard,
        calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
        full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, full_model_once_cost_pico_usd, duration_us,
        guessed_items, agreed_items)
    SELECT hour, series_id, pg_backend_pid(),
        calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
        full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, full_model_once_cost_pico_usd, duration_us,
        guessed_items, agreed_items
    FROM (
        SELECT k.*, coalesce(
            (SELECT s.series_id FROM winnow.cost_series AS s
            WHERE s.tenant_id = k.tenant_id AND s.capability = k.capability AND s.task = k.task AND s.model = k.model
                AND s.version = k.version AND s.kind = k.kind AND s.unused_since IS NULL),
            winnow.add_cost_series(tenant_id, capability, task, model, version, kind)) AS series_id
        FROM (
            -- Sorted, so that two transactions that insert the same new series cannot deadlock.
            SELECT date_trunc('hour', started_at, 'UTC') AS hour, tenant_id, capability, task, model, version, kind,
                sign * count(*) AS calls, sign * count(*) FILTER (WHERE state IN ('failed', 'unknown')) AS lost_calls,
                sign * sum(items) AS items, sign * sum(input_tokens) AS input_tokens,
                sign * sum(output_tokens) AS output_tokens, sign * sum(flops) AS flops,
                sign * sum(cost_pico_usd) AS cost_pico_usd, sign * sum(full_model_input_tokens) AS full_model_input_tokens,
                sign * sum(full_model_output_tokens) AS full_model_output_tokens,
                sign * sum(full_model_flops) AS full_model_flops,
                sign * sum(full_model_cost_pico_usd) AS full_model_cost_pico_usd,
                sign * sum(full_model_once_cost_pico_usd) AS full_model_once_cost_pico_usd,
                sign * sum(duration_us) AS duration_us, sign * sum(guessed_items) AS guessed_items,
                sign * sum(agreed_items) AS agreed_items
            FROM changed
            GROUP BY 1, tenant_id, capability, task, model, version, kind
            ORDER BY tenant_id, capability, task, model, version, kind, 1) AS k) AS s
    -- In the same order as fold_costs, so that the two cannot deadlock.
    ORDER BY hour, series_id
    ON CONFLICT (hour, series_id, shard) DO UPDATE SET
        calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls, items = c.items + excluded.items,
        input_tokens = c.input_tokens + excluded.input_tokens, output_tokens = c.output_tokens + excluded.output_tokens,
        flops = c.flops + excluded.flops, cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
        full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
        full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
        full_model_flops = c.full_model_flops + excluded.full_model_flops,
        full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
        full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd,
        duration_us = c.duration_us + excluded.duration_us, guessed_items = c.guessed_items + excluded.guessed_items,
        agreed_items = c.agreed_items + excluded.agreed_items;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION winnow.count_attempts IS 'Adds changed rows of the ledger to its sums, or subtracts them.';
REVOKE ALL ON FUNCTION winnow.count_attempts FROM PUBLIC;

CREATE TRIGGER attempt_counted AFTER INSERT ON winnow.attempt
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('1');
CREATE TRIGGER attempt_counted_after AFTER UPDATE ON winnow.attempt
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('1');
CREATE TRIGGER attempt_uncounted_before AFTER UPDATE ON winnow.attempt
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION winnow.count_attempts('-1');

-- Merges the shards of past hours and adds them to their day. A late change in such an hour creates a shard again, and the next
-- call folds it. One statement deletes and adds, so that no call is counted twice or missing at any time.
CREATE FUNCTION winnow.fold_costs() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    open_from constant timestamptz := date_trunc('hour', now() - interval '10 minutes', 'UTC');
    folded bigint;
BEGIN
    -- Locks in the same order as count_attempts, so that the two cannot deadlock. This is a separate statement and not a join
    -- with the next one: with statistics from an empty table, the planner would compare every pair of rows.
    PERFORM FROM winnow.cost_hour WHERE shard <> 0 AND hour < open_from ORDER BY hour, series_id, shard FOR UPDATE;
    WITH closed AS (
        DELETE FROM winnow.cost_hour WHERE shard <> 0 AND hour < open_from RETURNING *),
    days AS (
        INSERT INTO winnow.cost_day AS c (
            day, series_id,
            calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
            full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, full_model_once_cost_pico_usd,
            duration_us, guessed_items, agreed_items)
        SELECT (hour AT TIME ZONE 'UTC')::date, series_id,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops), sum(cost_pico_usd),
            sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(full_model_once_cost_pico_usd), sum(duration_us), sum(guessed_items),
            sum(agreed_items)
        FROM closed GROUP BY 1, series_id ORDER BY 1, series_id
        ON CONFLICT (day, series_id) DO UPDATE SET
            calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls,
            items = c.items + excluded.items, input_tokens = c.input_tokens + excluded.input_tokens,
            output_tokens = c.output_tokens + excluded.output_tokens, flops = c.flops + excluded.flops,
            cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
            full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
            full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
            full_model_flops = c.full_model_flops + excluded.full_model_flops,
            full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
            full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd,
            duration_us = c.duration_us + excluded.duration_us, guessed_items = c.guessed_items + excluded.guessed_items,
            agreed_items = c.agreed_items + excluded.agreed_items),
    hours AS (
        INSERT INTO winnow.cost_hour AS c (
            hour, series_id, shard,
            calls, lost_calls, items, input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens,
            full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, full_model_once_cost_pico_usd,
            duration_us, guessed_items, agreed_items)
        SELECT hour, series_id, 0,
            sum(calls), sum(lost_calls), sum(items), sum(input_tokens), sum(output_tokens), sum(flops), sum(cost_pico_usd),
            sum(full_model_input_tokens), sum(full_model_output_tokens), sum(full_model_flops),
            sum(full_model_cost_pico_usd), sum(full_model_once_cost_pico_usd), sum(duration_us), sum(guessed_items),
            sum(agreed_items)
        FROM closed GROUP BY hour, series_id ORDER BY hour, series_id
        ON CONFLICT (hour, series_id, shard) DO UPDATE SET
            calls = c.calls + excluded.calls, lost_calls = c.lost_calls + excluded.lost_calls,
            items = c.items + excluded.items, input_tokens = c.input_tokens + excluded.input_tokens,
            output_tokens = c.output_tokens + excluded.output_tokens, flops = c.flops + excluded.flops,
            cost_pico_usd = c.cost_pico_usd + excluded.cost_pico_usd,
            full_model_input_tokens = c.full_model_input_tokens + excluded.full_model_input_tokens,
            full_model_output_tokens = c.full_model_output_tokens + excluded.full_model_output_tokens,
            full_model_flops = c.full_model_flops + excluded.full_model_flops,
            full_model_cost_pico_usd = c.full_model_cost_pico_usd + excluded.full_model_cost_pico_usd,
            full_model_once_cost_pico_usd = c.full_model_once_cost_pico_usd + excluded.full_model_once_cost_pico_usd,
            duration_us = c.duration_us + excluded.duration_us, guessed_items = c.guessed_items + excluded.guessed_items,
            agreed_items = c.agreed_items + excluded.agreed_items
        RETURNING 1)
    SELECT count(*) INTO folded FROM hours;
    RETURN folded;
END
$$;
COMMENT ON FUNCTION winnow.fold_costs IS 'Folds the sums of past hours. Returns how many sums it changed.';
REVOKE ALL ON FUNCTION winnow.fold_costs FROM PUBLIC;

CREATE VIEW winnow.cost AS
SELECT c.day, s.capability, s.task, s.tenant_id, s.model, s.version, s.kind,
    c.calls, c.lost_calls, c.items, c.input_tokens, c.output_tokens, c.flops, c.cost_pico_usd, c.full_model_input_tokens,
    c.full_model_output_tokens, c.full_model_flops, c.full_model_cost_pico_usd, c.full_model_once_cost_pico_usd,
    c.duration_us, c.guessed_items, c.agreed_items
FROM winnow.cost_day AS c JOIN winnow.cost_series AS s USING (series_id)
UNION ALL
SELECT (c.hour AT TIME ZONE 'UTC')::date, s.capability, s.task, s.tenant_id, s.model, s.version, s.kind,
    c.calls, c.lost_calls, c.items, c.input_tokens, c.output_tokens, c.flops, c.cost_pico_usd, c.full_model_input_tokens,
    c.full_model_output_tokens, c.full_model_flops, c.full_model_cost_pico_usd, c.full_model_once_cost_pico_usd,
    c.duration_us, c.guessed_items, c.agreed_items
FROM winnow.cost_hour AS c JOIN winnow.cost_series AS s USING (series_id) WHERE c.shard <> 0;
COMMENT ON VIEW winnow.cost IS 'The sums by day, including hours that are not folded yet. A key may occur more than once.';

CREATE FUNCTION winnow.saturated(amount numeric) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN least(amount, 9223372036854775807)::bigint;
COMMENT ON FUNCTION winnow.saturated IS 'A sum as bigint. A sum that is too large becomes the largest bigint.';

-- SECURITY DEFINER: the escalator writes the ledger and has no rights on requests.
CREATE FUNCTION winnow.sum_final_requests(ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lowest uuid;
    highest uuid;
BEGIN
    -- The bounds prune the partitions of the ledger.
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
            SELECT winnow.saturated(coalesce(sum(a.input_tokens), 0)) AS t1,
                winnow.saturated(coalesce(sum(a.output_tokens), 0)) AS t2,
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
COMMENT ON FUNCTION winnow.sum_final_requests IS
    'Sums the ledger of those requests that are final. The calling transaction holds their locks.';
REVOKE ALL ON FUNCTION winnow.sum_final_requests FROM PUBLIC;
