-- What operators may read: read-only views without payload. Sums are numeric, for a bigint overflows where many are
-- added; US dollars have all twelve decimals, for an item on a small model costs about a billionth of one.

CREATE SCHEMA ops;
COMMENT ON SCHEMA ops IS 'Read-only views for operators: cost, use, savings and timelines. No payload.';

CREATE FUNCTION ops.usd(pico_usd numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (pico_usd * 0.000000000001)::numeric(38, 12);
COMMENT ON FUNCTION ops.usd IS 'Pico-USD as US dollars, exact.';

CREATE VIEW ops.capability_cost AS
SELECT date_trunc('hour', started_at, 'UTC') AS hour, capability, task, tenant_id AS tenant, model, version, kind::text,
    count(*) AS calls,
    count(*) FILTER (WHERE state IN ('failed', 'unknown')) AS lost_calls,
    sum(items::bigint) AS items,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(flops) AS flops,
    sum(cost_pico_usd) AS cost_pico_usd,
    ops.usd(sum(cost_pico_usd)) AS cost_usd,
    sum(full_model_flops) AS full_model_flops,
    sum(full_model_cost_pico_usd) AS full_model_cost_pico_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_cost_usd,
    (avg(duration_us) / 1000)::numeric(20, 3) AS average_duration_ms
FROM winnow.attempt
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW ops.capability_cost IS 'The ledger per hour, capability, task, tenant, model, version and kind of call.';
COMMENT ON COLUMN ops.capability_cost.hour IS 'Hour (UTC) in which the calls were started.';
COMMENT ON COLUMN ops.capability_cost.kind IS 'router, worker, full (an escalation) or shadow (a check in the background).';
COMMENT ON COLUMN ops.capability_cost.lost_calls IS 'Calls that failed, or were never settled because a process died; their cost counts.';
COMMENT ON COLUMN ops.capability_cost.cost_pico_usd IS 'Spent, in 10^-12 USD.';
COMMENT ON COLUMN ops.capability_cost.cost_usd IS 'Spent, in USD.';
COMMENT ON COLUMN ops.capability_cost.full_model_flops IS 'Floating-point operations of the full model for the same items.';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_pico_usd IS 'What the full model alone would have cost for the same items.';

CREATE VIEW ops.capability_use AS
SELECT rank() OVER (ORDER BY sum(items::bigint) FILTER (WHERE kind IN ('router', 'worker')) DESC NULLS LAST) AS rank,
    capability, task,
    count(*) FILTER (WHERE kind IN ('router', 'worker')) AS small_model_calls,
    coalesce(sum(items::bigint) FILTER (WHERE kind IN ('router', 'worker')), 0) AS small_model_items,
    count(*) FILTER (WHERE kind = 'full') AS escalations,
    coalesce(sum(items::bigint) FILTER (WHERE kind = 'full'), 0) AS escalated_items,
    (sum(items::bigint) FILTER (WHERE kind = 'full')
        / nullif(sum(items::bigint) FILTER (WHERE kind IN ('router', 'worker')), 0))::numeric(20, 4) AS escalated_share,
    ops.usd(sum(cost_pico_usd)) AS cost_usd,
    ops.usd(coalesce(sum(cost_pico_usd) FILTER (WHERE kind = 'full'), 0)) AS escalation_cost_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_cost_usd
FROM winnow.attempt
GROUP BY capability, task;
COMMENT ON VIEW ops.capability_use IS 'Capabilities and tasks ranked by the items that their small models were asked about.';
COMMENT ON COLUMN ops.capability_use.escalated_share IS 'Items that went on to the full model, of those the small model was asked about.';
COMMENT ON COLUMN ops.capability_use.escalation_cost_usd IS 'What a better small model could save.';

CREATE VIEW ops.savings AS
SELECT date_trunc('day', started_at, 'UTC')::date AS day, tenant_id AS tenant,
    sum(cost_pico_usd) AS spent_pico_usd,
    sum(full_model_cost_pico_usd) AS full_model_pico_usd,
    sum(full_model_cost_pico_usd) - sum(cost_pico_usd) AS saved_pico_usd,
    ops.usd(sum(cost_pico_usd)) AS spent_usd,
    ops.usd(sum(full_model_cost_pico_usd)) AS full_model_usd,
    ops.usd(sum(full_model_cost_pico_usd) - sum(cost_pico_usd)) AS saved_usd,
    sum(flops) AS flops,
    sum(full_model_flops) AS full_model_flops,
    (sum(flops) / nullif(sum(full_model_flops), 0))::numeric(20, 4) AS compute_share
FROM winnow.attempt
GROUP BY 1, 2;
COMMENT ON VIEW ops.savings IS 'Per day (UTC) and tenant: what was spent, failed and abandoned calls included, against the full model alone.';
COMMENT ON COLUMN ops.savings.saved_pico_usd IS 'Net: negative where small models and escalations together cost more than the full model.';
COMMENT ON COLUMN ops.savings.compute_share IS 'Floating-point operations spent, as a share of what the full model would have taken.';

CREATE VIEW ops.savings_total AS
SELECT coalesce(sum(spent_pico_usd), 0) AS spent_pico_usd,
    coalesce(sum(full_model_pico_usd), 0) AS full_model_pico_usd,
    coalesce(sum(saved_pico_usd), 0) AS saved_pico_usd,
    ops.usd(coalesce(sum(spent_pico_usd), 0)) AS spent_usd,
    ops.usd(coalesce(sum(full_model_pico_usd), 0)) AS full_model_usd,
    ops.usd(coalesce(sum(saved_pico_usd), 0)) AS saved_usd,
    (sum(saved_pico_usd) / nullif(sum(full_model_pico_usd), 0))::numeric(20, 4) AS saved_share,
    (sum(flops) / nullif(sum(full_model_flops), 0))::numeric(20, 4) AS compute_share
FROM ops.savings;
COMMENT ON VIEW ops.savings_total IS 'ops.savings of everything that is kept.';

CREATE VIEW ops.request AS
SELECT request_id, tenant_id AS tenant, event_id, channel::text, state::text, error, accepted_at, deadline_at,
    completed_at,
    (extract(epoch FROM completed_at - accepted_at) * 1000)::bigint AS duration_ms,
    input_tokens, output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd
FROM winnow.request;
COMMENT ON VIEW ops.request IS 'Requests without their payload; tokens and costs are summed when a request becomes final.';

CREATE VIEW ops.request_timeline AS
SELECT request_id, tenant_id AS tenant, accepted_at AS at, 'request accepted' AS event, NULL::smallint AS step,
    channel::text AS detail
FROM winnow.request
UNION ALL
SELECT request_id, tenant_id, completed_at, 'request ' || state, NULL,
    concat_ws(', ', 'cost ' || ops.usd(cost_pico_usd) || ' USD',
        'full model ' || ops.usd(full_model_cost_pico_usd) || ' USD', error)
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
        (duration_us / 1000.0)::numeric(20, 3) || ' ms', 'cost ' || ops.usd(cost_pico_usd) || ' USD', error)
FROM winnow.attempt;
COMMENT ON VIEW ops.request_timeline IS 'What happened to a request: filter by request_id and order by at.';
COMMENT ON COLUMN ops.request_timeline.step IS 'Ordinal in the plan; null for what concerns the whole request.';
