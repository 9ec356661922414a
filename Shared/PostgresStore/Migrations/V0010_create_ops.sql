-- Read-only views for operators, without payload. Sums are numeric, because sums of bigint overflow. US dollars have twelve
-- decimals, because an item on a small model costs about a billionth of a dollar. Every column has a comment that says what it is
-- and ends with its unit; a test checks this.

CREATE SCHEMA ops;
COMMENT ON SCHEMA ops IS 'Read-only views for operators: cost, use, savings and timelines. No payload.';

CREATE FUNCTION ops.usd(pico_usd numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (pico_usd * 0.000000000001)::numeric(38, 12);
COMMENT ON FUNCTION ops.usd IS 'Converts pico-USD to US dollars exactly.';

-- The format in which `winnow` prints amounts for people.
CREATE FUNCTION ops.money(pico_usd numeric) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE
        WHEN pico_usd = 0 THEN '0 USD'
        WHEN abs(pico_usd) < 1000000000 THEN (pico_usd * 0.001)::numeric(38, 3) || ' nano-USD'
        ELSE (pico_usd * 0.000000000001)::numeric(38, 6) || ' USD' END;
COMMENT ON FUNCTION ops.money IS
    'Formats pico-USD for people: as nano-USD below a thousandth of a USD, otherwise as USD with six decimals.';

CREATE VIEW ops.request AS
SELECT request_id, tenant_id AS tenant, event_id, channel::text, state::text, error, accepted_at, deadline_at,
    completed_at,
    (extract(epoch FROM completed_at - accepted_at) * 1000)::bigint AS duration_ms,
    input_tokens, output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd, lane
FROM winnow.request;
COMMENT ON VIEW ops.request IS 'Requests without their payload. Tokens and costs are summed when a request becomes final.';
COMMENT ON COLUMN ops.request.request_id IS 'Id that Winnow gave the request.';
COMMENT ON COLUMN ops.request.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.request.event_id IS 'Id that the sender gave the request.';
COMMENT ON COLUMN ops.request.channel IS 'human (free language) or machine (names its steps itself).';
COMMENT ON COLUMN ops.request.state IS 'open, completed, rejected, failed, expired or cancelled.';
COMMENT ON COLUMN ops.request.error IS 'Why the request was not answered. Never contains payload.';
COMMENT ON COLUMN ops.request.accepted_at IS 'When the request was accepted (UTC).';
COMMENT ON COLUMN ops.request.deadline_at IS 'When computation for the request stops (UTC); null without a deadline.';
COMMENT ON COLUMN ops.request.completed_at IS 'When the request became final (UTC); null while it is open.';
COMMENT ON COLUMN ops.request.duration_ms IS 'Time from acceptance to the final state. Unit: milliseconds.';
COMMENT ON COLUMN ops.request.input_tokens IS 'Tokens that the models read. Unit: tokens.';
COMMENT ON COLUMN ops.request.output_tokens IS 'Tokens that the models wrote. Unit: tokens.';
COMMENT ON COLUMN ops.request.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.request.cost_pico_usd IS 'Amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.request.cost_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.request.full_model_cost_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.request.full_model_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.request.lane IS 'interactive, or bulk, which uses the capacity that the interactive lane leaves.';

CREATE VIEW ops.request_timeline AS
SELECT request_id, tenant_id AS tenant, accepted_at AS at, 'request accepted' AS event, NULL::smallint AS step,
    concat_ws(', ', channel, nullif(lane, 'interactive')) AS detail
FROM winnow.request
UNION ALL
SELECT request_id, tenant_id, completed_at, 'request ' || state, NULL,
    concat_ws(', ', 'cost ' || ops.money(cost_pico_usd),
        'full model ' || ops.money(full_model_cost_pico_usd), error)
FROM winnow.request WHERE completed_at IS NOT NULL
UNION ALL
SELECT s.request_id, r.tenant_id, s.dispatched_at, 'step dispatched', s.ordinal, s.capability || '/' || s.task
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id) WHERE s.dispatched_at IS NOT NULL
UNION ALL
SELECT s.request_id, r.tenant_id, s.settled_at, 'step ' || s.state, s.ordinal,
    concat_ws(', ', s.capability || '/' || s.task, s.error)
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id) WHERE s.settled_at IS NOT NULL
UNION ALL
SELECT request_id, tenant_id, started_at, 'call ' || state, step_ordinal,
    concat_ws(', ', kind || ' ' || model || '@' || version, items || ' items', input_tokens || ' input tokens',
        (duration_us / 1000.0)::numeric(20, 3) || ' ms', 'cost ' || ops.money(cost_pico_usd), error)
FROM winnow.attempt;
COMMENT ON VIEW ops.request_timeline IS 'The events of each request. Filter by request_id and order by at.';
COMMENT ON COLUMN ops.request_timeline.request_id IS 'Id that Winnow gave the request.';
COMMENT ON COLUMN ops.request_timeline.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.request_timeline.at IS 'When the event happened (UTC).';
COMMENT ON COLUMN ops.request_timeline.event IS 'Name of the event.';
COMMENT ON COLUMN ops.request_timeline.step IS
    'Ordinal of the step in the plan; null for events of the whole request. Unit: ordinal.';
COMMENT ON COLUMN ops.request_timeline.detail IS 'Details of the event. Never contains payload.';

-- Steps are grouped by how they ended. The cost on the full model is unknown, because the tokens of steps that were never
-- computed were not counted.
CREATE VIEW ops.avoided_compute AS
SELECT date_trunc('hour', s.settled_at, 'UTC') AS hour, s.capability, s.task, r.tenant_id AS tenant,
    s.state::text AS reason,
    count(*) AS steps,
    sum(json_array_length(s.items))::bigint AS items
FROM winnow.step AS s JOIN winnow.request AS r USING (request_id)
WHERE s.state IN ('expired', 'cancelled') AND NOT EXISTS (
    SELECT FROM winnow.attempt AS a WHERE a.request_id = s.request_id AND a.step_ordinal = s.ordinal)
GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW ops.avoided_compute IS 'Steps and items that were never computed, per hour, capability, task, tenant and reason.';
COMMENT ON COLUMN ops.avoided_compute.hour IS 'Hour (UTC) in which the step ended.';
COMMENT ON COLUMN ops.avoided_compute.capability IS 'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.avoided_compute.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.avoided_compute.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.avoided_compute.reason IS
    'expired (past the deadline) or cancelled (on request, or because a step that it depends on was not answered).';
COMMENT ON COLUMN ops.avoided_compute.steps IS 'Steps that were never computed. Unit: steps.';
COMMENT ON COLUMN ops.avoided_compute.items IS 'Items that were never computed. Unit: items.';

CREATE VIEW ops.tenant AS
SELECT t.tenant_id AS tenant, t.weight, coalesce(r.open, 0) AS open_requests,
    (SELECT count(*) FROM winnow.submission AS s WHERE s.tenant_id = t.tenant_id AND s.sent_at IS NULL)
        AS waiting_requests,
    t.created_at,
    EXISTS (SELECT FROM winnow.test_tenant AS x WHERE x.tenant_id = t.tenant_id) AS is_test
FROM winnow.tenant AS t LEFT JOIN (
    SELECT tenant_id, count(*) AS open FROM winnow.request WHERE state = 'open' GROUP BY tenant_id) AS r
    ON r.tenant_id = t.tenant_id;
COMMENT ON VIEW ops.tenant IS 'Tenants, their weights, and how many of their requests are open or wait for their turn.';
COMMENT ON COLUMN ops.tenant.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.tenant.weight IS
    'How many requests of this tenant are sent for each request of a tenant of weight 1 when capacity is short. Unit: requests.';
COMMENT ON COLUMN ops.tenant.open_requests IS 'Requests in progress. Unit: requests.';
COMMENT ON COLUMN ops.tenant.waiting_requests IS 'Requests that wait for their turn. Unit: requests.';
COMMENT ON COLUMN ops.tenant.created_at IS 'When the first request of the tenant arrived or its weight was set (UTC).';
COMMENT ON COLUMN ops.tenant.is_test IS 'Whether the requests are tests, which are charged but excluded from the savings.';

CREATE VIEW ops.tenant_topic AS SELECT tenant_id AS tenant, created_at FROM winnow.tenant_topic;
COMMENT ON VIEW ops.tenant_topic IS 'Tenants with topics of their own.';
COMMENT ON COLUMN ops.tenant_topic.tenant IS 'Tenant that has topics of its own.';
COMMENT ON COLUMN ops.tenant_topic.created_at IS 'When the tenant was given its topics (UTC).';

CREATE VIEW ops.instance AS
SELECT instance_id, service, host, pid, version,
    CASE
        WHEN state <> 'stopped' AND now() - beat_at > 3 * beat_interval_ms * interval '1 millisecond' THEN 'lost'
        ELSE state
    END AS state,
    partitions, started_at, beat_at,
    round(extract(epoch FROM greatest(now() - beat_at, interval '0')), 1) AS beat_age_seconds,
    round(cpu_ms / 1000.0, 3) AS cpu_seconds
FROM winnow.instance;
COMMENT ON VIEW ops.instance IS 'Processes of the suite: running, draining, stopped, or lost (silent for three beats).';
COMMENT ON COLUMN ops.instance.instance_id IS 'Id of the process.';
COMMENT ON COLUMN ops.instance.service IS 'Service that the process runs.';
COMMENT ON COLUMN ops.instance.host IS 'Name of the host of the process.';
COMMENT ON COLUMN ops.instance.pid IS 'Process id on that host. Unit: number.';
COMMENT ON COLUMN ops.instance.version IS 'Version of the program.';
COMMENT ON COLUMN ops.instance.state IS 'running, draining, stopped, or lost (silent for three beats).';
COMMENT ON COLUMN ops.instance.partitions IS 'Partitions that the process works on. Unit: partitions.';
COMMENT ON COLUMN ops.instance.started_at IS 'When the process started (UTC).';
COMMENT ON COLUMN ops.instance.beat_at IS 'Time of the last heartbeat (UTC).';
COMMENT ON COLUMN ops.instance.beat_age_seconds IS 'Time since the last heartbeat. Unit: seconds.';
COMMENT ON COLUMN ops.instance.cpu_seconds IS 'Processor time since the process started. Unit: seconds.';
