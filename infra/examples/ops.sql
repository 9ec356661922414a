-- Queries for operators. The login `ops`, which reads only the views of schema ops, can run them:
--
--   PGUSER=ops psql -f infra/examples/ops.sql
--
-- Times are UTC. Costs whose names end with _usd are in USD, those that end with _pico_usd in 10^-12 USD.

\echo What is open, and how old is the oldest request?
SELECT lane, count(*) AS open, max(now() - accepted_at) AS oldest
FROM ops.request WHERE state = 'open' GROUP BY lane;

\echo What became of the requests of the last day, and how long did they take?
SELECT state, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50_ms,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_ms
FROM ops.request WHERE accepted_at > now() - interval '1 day' GROUP BY state ORDER BY 2 DESC;

\echo Why were requests of the last day not answered?
SELECT split_part(error, ':', 1) AS reason, count(*)
FROM ops.request WHERE state NOT IN ('open', 'completed') AND accepted_at > now() - interval '1 day'
GROUP BY 1 ORDER BY 2 DESC LIMIT 20;

\echo What happened to the slowest request of the last hour?
SELECT timeline.at, timeline.step, timeline.event, timeline.detail
FROM (
    SELECT request_id FROM ops.request
    WHERE accepted_at > now() - interval '1 hour' ORDER BY duration_ms DESC NULLS LAST LIMIT 1
) AS slowest
JOIN ops.request_timeline AS timeline USING (request_id) ORDER BY timeline.at;

\echo Which tenants wait?
SELECT tenant, weight, open_requests, waiting_requests
FROM ops.tenant WHERE waiting_requests > 0 ORDER BY waiting_requests DESC LIMIT 20;

\echo Which processes are lost or draining?
SELECT service, host, instance_id, state, beat_age_seconds
FROM ops.instance WHERE state IN ('lost', 'draining') ORDER BY service;

\echo How much escalates, by task?
SELECT capability, task, small_model_items, escalated_items, escalated_share, escalation_cost_usd
FROM ops.capability_use ORDER BY escalation_cost_usd DESC;

\echo What did this month cost, and what was saved against both baselines?
SELECT tenant, sum(spent_usd) AS spent_usd, sum(saved_usd) AS saved_item_by_item_usd, sum(saved_on_once_usd) AS saved_once_usd
FROM ops.savings WHERE day >= date_trunc('month', now() AT TIME ZONE 'UTC') GROUP BY tenant ORDER BY 2 DESC LIMIT 20;

\echo What does the platform itself cost?
SELECT component, sum(cpu_seconds) AS cpu_seconds, sum(cost_usd) AS cost_usd
FROM ops.platform_cost WHERE day >= date_trunc('month', now() AT TIME ZONE 'UTC') GROUP BY component ORDER BY 3 DESC;

\echo Which budgets are nearly spent?
SELECT tenant, period, policy, limit_usd, spent_usd, renews_at
FROM ops.budget WHERE spent_pico_usd > 0.8 * limit_pico_usd ORDER BY renews_at;

\echo Which certificates does live traffic contradict?
SELECT certificate_id, capability, task, tenant, promised, agreement_low, agreement_high, compared
FROM ops.tenant_agreement WHERE agreement_high < promised ORDER BY certificate_id, tenant;

\echo Which language models failed in the last day, and how?
SELECT endpoint, hour, tries, failed_tries, failures, estimated_share, cost_usd
FROM ops.endpoint WHERE failed_tries > 0 ORDER BY hour DESC, endpoint LIMIT 20;

\echo What was never computed, because it was cancelled or expired?
SELECT reason, sum(steps) AS steps, sum(items) AS items FROM ops.avoided_compute GROUP BY reason;
