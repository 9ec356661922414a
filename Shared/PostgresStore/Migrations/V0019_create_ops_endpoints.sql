-- Views of the calls of models behind HTTP. A row of the ledger is one try, so its error is the code of that try.

-- Only recent partitions are read, since a month of the ledger has a hundred million rows. Longer periods are in
-- ops.capability_cost, without codes. A try may begin long after its request was accepted, while a server is away.
CREATE VIEW ops.endpoint AS
WITH tries AS (
    SELECT date_trunc('hour', started_at, 'UTC') AS hour, substr(model, 10) AS endpoint, coalesce(error, state::text) AS code,
        state, input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_pico_usd, duration_us
    FROM winnow.attempt
    WHERE request_id >= winnow.uuid_v7_floor(now() - interval '2 days') AND started_at >= now() - interval '1 day'
        AND model LIKE 'endpoint:%'),
failures AS (
    SELECT hour, endpoint, jsonb_object_agg(code, tries) AS failures
    FROM (
        SELECT hour, endpoint, code, count(*) AS tries FROM tries WHERE state IN ('failed', 'unknown')
        GROUP BY 1, 2, 3) AS f
    GROUP BY 1, 2)
SELECT t.hour, t.endpoint, t.tries, t.failed_tries, coalesce(f.failures, '{}') AS failures, t.input_tokens,
    t.cached_input_tokens, t.output_tokens, t.estimated_share, t.cost_pico_usd, ops.usd(t.cost_pico_usd) AS cost_usd,
    t.average_duration_ms
FROM (
    SELECT hour, endpoint, count(*) AS tries, count(*) FILTER (WHERE state IN ('failed', 'unknown')) AS failed_tries,
        sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
        sum(output_tokens) AS output_tokens,
        round(avg(is_estimated::integer) FILTER (WHERE state = 'settled'), 4) AS estimated_share,
        sum(cost_pico_usd) AS cost_pico_usd,
        (avg(duration_us) FILTER (WHERE state <> 'started') / 1000)::numeric(20, 3) AS average_duration_ms
    FROM tries GROUP BY 1, 2) AS t
LEFT JOIN failures AS f USING (hour, endpoint);
COMMENT ON VIEW ops.endpoint IS
    'Tries of models behind HTTP in the last 24 hours, per hour and endpoint: how they ended, their tokens and cost. Of requests '
    'that were accepted in the last two days.';
COMMENT ON COLUMN ops.endpoint.hour IS 'Hour (UTC) in which the tries started.';
COMMENT ON COLUMN ops.endpoint.endpoint IS 'Name of the endpoint, which is that of its file.';
COMMENT ON COLUMN ops.endpoint.tries IS 'Requests to the server, repeated ones included. Unit: tries.';
COMMENT ON COLUMN ops.endpoint.failed_tries IS
    'Those of tries that gave no usable answer, or were never settled because a process died. Unit: tries.';
COMMENT ON COLUMN ops.endpoint.failures IS
    'The failed tries by error code, such as {"timed_out": 3}; unknown if a process died. Unit: tries.';
COMMENT ON COLUMN ops.endpoint.input_tokens IS 'Tokens that the model read, the cached ones included. Unit: tokens.';
COMMENT ON COLUMN ops.endpoint.cached_input_tokens IS 'Those of input_tokens that the server had cached. Unit: tokens.';
COMMENT ON COLUMN ops.endpoint.output_tokens IS 'Tokens that the model wrote. Unit: tokens.';
COMMENT ON COLUMN ops.endpoint.estimated_share IS
    'Share of the answered tries whose tokens are our estimate, because the server told none; null without an answered try. '
    'Unit: share from 0 to 1.';
COMMENT ON COLUMN ops.endpoint.cost_pico_usd IS
    'Amount spent, and reserved for tries that are under way. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.endpoint.cost_usd IS 'Amount spent, and reserved for tries that are under way. Unit: USD.';
COMMENT ON COLUMN ops.endpoint.average_duration_ms IS
    'Time that a try took on average, once it had ended; null if none has. Unit: milliseconds.';

-- One row an endpoint, which says whether its server answers now.
CREATE VIEW ops.endpoint_recent AS
WITH tries AS (
    SELECT substr(model, 10) AS endpoint, coalesce(error, state::text) AS code, state, started_at
    FROM winnow.attempt
    WHERE request_id >= winnow.uuid_v7_floor(now() - interval '2 days') AND started_at >= now() - interval '15 minutes'
        AND model LIKE 'endpoint:%'),
failures AS (
    SELECT endpoint, jsonb_object_agg(code, tries) AS failures
    FROM (
        SELECT endpoint, code, count(*) AS tries FROM tries WHERE state IN ('failed', 'unknown') GROUP BY 1, 2) AS f
    GROUP BY 1)
SELECT t.endpoint, t.tries, t.failed_tries, t.open_tries, coalesce(f.failures, '{}') AS failures, t.answered_at, t.failed_at
FROM (
    SELECT endpoint, count(*) AS tries, count(*) FILTER (WHERE state IN ('failed', 'unknown')) AS failed_tries,
        count(*) FILTER (WHERE state = 'started') AS open_tries,
        max(started_at) FILTER (WHERE state = 'settled') AS answered_at,
        max(started_at) FILTER (WHERE state IN ('failed', 'unknown')) AS failed_at
    FROM tries GROUP BY 1) AS t
LEFT JOIN failures AS f USING (endpoint);
COMMENT ON VIEW ops.endpoint_recent IS
    'Tries of models behind HTTP in the last 15 minutes, per endpoint. An endpoint that was not asked has no row: nobody had a '
    'question, or its circuit was open. Of requests that were accepted in the last two days.';
COMMENT ON COLUMN ops.endpoint_recent.endpoint IS 'Name of the endpoint, which is that of its file.';
COMMENT ON COLUMN ops.endpoint_recent.tries IS 'Requests to the server, repeated ones included. Unit: tries.';
COMMENT ON COLUMN ops.endpoint_recent.failed_tries IS
    'Those of tries that gave no usable answer, or were never settled because a process died. Unit: tries.';
COMMENT ON COLUMN ops.endpoint_recent.open_tries IS 'Those of tries that are under way. Unit: tries.';
COMMENT ON COLUMN ops.endpoint_recent.failures IS
    'The failed tries by error code, such as {"timed_out": 3}; unknown if a process died. Unit: tries.';
COMMENT ON COLUMN ops.endpoint_recent.answered_at IS 'When the last answered try started (UTC); null if none was answered.';
COMMENT ON COLUMN ops.endpoint_recent.failed_at IS 'When the last failed try started (UTC); null if none has failed.';

SELECT winnow.grant_roles();
