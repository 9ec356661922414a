-- Views of the cost of calls, of what they would have cost on the full model, and of budgets.

-- An hour without open shards already has one row per key, so a month of such hours is read without grouping.
CREATE VIEW ops.capability_cost AS
SELECT hour, capability, task, tenant_id AS tenant, model, version, kind::text, calls, lost_calls, items, input_tokens,
    output_tokens, flops, cost_pico_usd, ops.usd(cost_pico_usd) AS cost_usd, full_model_flops, full_model_cost_pico_usd,
    ops.usd(full_model_cost_pico_usd) AS full_model_cost_usd,
    (duration_us / nullif(calls, 0) / 1000)::numeric(20, 3) AS average_duration_ms,
    full_model_once_cost_pico_usd, ops.usd(full_model_once_cost_pico_usd) AS full_model_once_cost_usd,
    EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id) AS is_test
FROM (
    SELECT c.hour, s.capability, s.task, s.tenant_id, s.model, s.version, s.kind, c.calls, c.lost_calls, c.items,
        c.input_tokens, c.output_tokens, c.flops, c.cost_pico_usd, c.full_model_flops, c.full_model_cost_pico_usd,
        c.duration_us, c.full_model_once_cost_pico_usd
    FROM winnow.cost_hour AS c JOIN winnow.cost_series AS s USING (series_id)
    WHERE c.shard = 0 AND c.hour NOT IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    UNION ALL
    SELECT c.hour, s.capability, s.task, s.tenant_id, s.model, s.version, s.kind, sum(c.calls)::bigint,
        sum(c.lost_calls)::bigint, sum(c.items), sum(c.input_tokens), sum(c.output_tokens), sum(c.flops),
        sum(c.cost_pico_usd), sum(c.full_model_flops), sum(c.full_model_cost_pico_usd), sum(c.duration_us),
        sum(c.full_model_once_cost_pico_usd)
    FROM winnow.cost_hour AS c JOIN winnow.cost_series AS s USING (series_id)
    WHERE c.hour IN (SELECT hour FROM winnow.cost_hour WHERE shard <> 0)
    GROUP BY c.hour, s.series_id) AS c
WHERE calls <> 0;
COMMENT ON VIEW ops.capability_cost IS
    'The ledger per hour, capability, task, tenant, model, version and kind of call. Includes calls whose ledger rows are past '
    'retention.';
COMMENT ON COLUMN ops.capability_cost.hour IS 'Hour (UTC) in which the calls started.';
COMMENT ON COLUMN ops.capability_cost.capability IS 'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.capability_cost.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.capability_cost.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.capability_cost.model IS 'Name of the model.';
COMMENT ON COLUMN ops.capability_cost.version IS 'Version of the model.';
COMMENT ON COLUMN ops.capability_cost.kind IS 'router, worker, full (an escalation) or shadow (a background check).';
COMMENT ON COLUMN ops.capability_cost.calls IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.capability_cost.lost_calls IS
    'Calls that failed, or were never settled because a process died. Their cost is included. Unit: calls.';
COMMENT ON COLUMN ops.capability_cost.items IS 'Items of the calls. Unit: items.';
COMMENT ON COLUMN ops.capability_cost.input_tokens IS 'Tokens that the models read. Unit: tokens.';
COMMENT ON COLUMN ops.capability_cost.output_tokens IS 'Tokens that the models wrote. Unit: tokens.';
COMMENT ON COLUMN ops.capability_cost.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.capability_cost.cost_pico_usd IS 'Amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.cost_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.full_model_flops IS
    'Operations that the full model alone would have used for the answered items, with one call per item. Unit: operations.';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.average_duration_ms IS 'Mean wall-clock duration of a call. Unit: milliseconds.';
COMMENT ON COLUMN ops.capability_cost.full_model_once_cost_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.full_model_once_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.is_test IS 'Whether the requests are tests, which are charged but excluded from the savings.';

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
    sum(agreed_items) AS agreed_items,
    sum(full_model_once_cost_pico_usd) AS full_model_once_cost_pico_usd,
    ops.usd(sum(full_model_once_cost_pico_usd)) AS full_model_once_cost_usd,
    EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id) AS is_test
FROM winnow.cost AS c
GROUP BY day, capability, task, tenant_id, model, version, c.kind
HAVING sum(calls) <> 0;
COMMENT ON VIEW ops.daily_cost IS 'ops.capability_cost per day (UTC), for reports over months and years.';
COMMENT ON COLUMN ops.daily_cost.day IS 'Day (UTC) in which the calls started.';
COMMENT ON COLUMN ops.daily_cost.capability IS 'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.daily_cost.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.daily_cost.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.daily_cost.model IS 'Name of the model.';
COMMENT ON COLUMN ops.daily_cost.version IS 'Version of the model.';
COMMENT ON COLUMN ops.daily_cost.kind IS 'Kind of call: router, worker, full (an escalation) or shadow (a background check).';
COMMENT ON COLUMN ops.daily_cost.calls IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.daily_cost.lost_calls IS
    'Calls that failed, or were never settled because a process died. Their cost is included. Unit: calls.';
COMMENT ON COLUMN ops.daily_cost.items IS 'Items of the calls. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.input_tokens IS 'Tokens that the models read. Unit: tokens.';
COMMENT ON COLUMN ops.daily_cost.output_tokens IS 'Tokens that the models wrote. Unit: tokens.';
COMMENT ON COLUMN ops.daily_cost.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.daily_cost.cost_pico_usd IS 'Amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.cost_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.full_model_flops IS
    'Operations that the full model alone would have used for the answered items, with one call per item. Unit: operations.';
COMMENT ON COLUMN ops.daily_cost.full_model_cost_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.full_model_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.guessed_items IS
    'Escalated items for which the guess of the small model or of the router is known. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.agreed_items IS
    'Those of guessed_items for which the guess equals the full model''s answer. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.full_model_once_cost_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.full_model_once_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.is_test IS 'Whether the requests are tests, which are charged but excluded from the savings.';

CREATE VIEW ops.capability_use AS
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
COMMENT ON VIEW ops.capability_use IS
    'Capabilities and tasks, ranked by the number of items that their small models were asked about.';
COMMENT ON COLUMN ops.capability_use.rank IS 'Rank by number of items, from 1 for the task with the most. Unit: place.';
COMMENT ON COLUMN ops.capability_use.capability IS 'Capability of the items; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.capability_use.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.capability_use.small_model_calls IS 'Calls of the small model or the router. Unit: calls.';
COMMENT ON COLUMN ops.capability_use.small_model_items IS 'Items that the small model or the router was asked about. Unit: items.';
COMMENT ON COLUMN ops.capability_use.escalations IS 'Calls of the full model. Unit: calls.';
COMMENT ON COLUMN ops.capability_use.escalated_items IS
    'Items that were passed to the full model. Repeated calls count again. Unit: items.';
COMMENT ON COLUMN ops.capability_use.escalated_share IS 'escalated_items divided by small_model_items. Unit: share from 0.';
COMMENT ON COLUMN ops.capability_use.cost_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.capability_use.escalation_cost_usd IS
    'Cost of the escalations, which is what a better small model could save. Unit: USD.';
COMMENT ON COLUMN ops.capability_use.full_model_cost_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';

CREATE VIEW ops.savings AS
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
    'Spending per day (UTC) and tenant, including routing, checks, failed and abandoned calls, compared with the full model '
    'alone at one call per item or one call per request. Only given answers count. Tests are excluded.';
COMMENT ON COLUMN ops.savings.day IS 'Day (UTC) in which the calls started.';
COMMENT ON COLUMN ops.savings.tenant IS 'Tenant on whose behalf the request was sent.';
COMMENT ON COLUMN ops.savings.spent_pico_usd IS 'Amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.saved_pico_usd IS
    'full_model_pico_usd minus spent_pico_usd; negative if more was spent than the full model alone would have cost. Unit: '
    'pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.spent_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.savings.full_model_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.savings.saved_usd IS 'full_model_usd minus spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.savings.full_model_flops IS
    'Operations that the full model alone would have used for the answered items, with one call per item. Unit: operations.';
COMMENT ON COLUMN ops.savings.compute_share IS
    'Operations used, as a share of what the full model alone would have used with one call per item. Unit: share from 0.';
COMMENT ON COLUMN ops.savings.router_pico_usd IS 'Amount spent on calls of the router. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.worker_pico_usd IS 'Amount spent on calls of the small models. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.escalation_pico_usd IS 'Amount spent on escalations to the full model. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.shadow_pico_usd IS 'Amount spent on background checks. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_once_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.saved_on_once_pico_usd IS
    'full_model_once_pico_usd minus spent_pico_usd. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_once_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: USD.';
COMMENT ON COLUMN ops.savings.saved_on_once_usd IS 'full_model_once_usd minus spent_usd. Unit: USD.';

CREATE VIEW ops.platform_cost AS
SELECT d.day, d.component, round(d.cpu_ms / 1000, 3) AS cpu_seconds, ops.usd(r.core_hour_pico_usd) AS core_hour_usd,
    round(d.cpu_ms * r.core_hour_pico_usd / 3600000) AS cost_pico_usd,
    ops.usd(round(d.cpu_ms * r.core_hour_pico_usd / 3600000)) AS cost_usd
FROM winnow.platform_day AS d CROSS JOIN LATERAL (
    SELECT core_hour_pico_usd FROM winnow.platform_rate
    WHERE valid_from <= d.day::timestamp AT TIME ZONE 'UTC' ORDER BY valid_from DESC LIMIT 1) AS r;
COMMENT ON VIEW ops.platform_cost IS
    'Cost of the processes and of the database per day (UTC), at the rate in force when the day began. Includes the models that '
    'run inside the processes. The calls of those models are also counted in ops.savings.';
COMMENT ON COLUMN ops.platform_cost.day IS 'Day (UTC) on which the processor time was used.';
COMMENT ON COLUMN ops.platform_cost.component IS 'Name of the service; database for this database.';
COMMENT ON COLUMN ops.platform_cost.cpu_seconds IS
    'Processor time of all processes of the component; for the database, the time spent running statements. Unit: seconds.';
COMMENT ON COLUMN ops.platform_cost.core_hour_usd IS 'Price of one core hour on that day. Unit: USD.';
COMMENT ON COLUMN ops.platform_cost.cost_pico_usd IS 'cpu_seconds at that price. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.platform_cost.cost_usd IS 'cpu_seconds at that price. Unit: USD.';

CREATE VIEW ops.savings_total AS
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
COMMENT ON VIEW ops.savings_total IS 'ops.savings, summed over all days and tenants that are kept.';
COMMENT ON COLUMN ops.savings_total.spent_pico_usd IS 'Amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.full_model_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.saved_pico_usd IS
    'full_model_pico_usd minus spent_pico_usd; negative if more was spent than the full model alone would have cost. Unit: '
    'pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.spent_usd IS 'Amount spent. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.full_model_usd IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_usd IS 'full_model_usd minus spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_share IS 'saved_pico_usd as a share of full_model_pico_usd. Unit: share up to 1.';
COMMENT ON COLUMN ops.savings_total.compute_share IS
    'Operations used, as a share of what the full model alone would have used with one call per item. Unit: share from 0.';
COMMENT ON COLUMN ops.savings_total.full_model_once_pico_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.saved_on_once_pico_usd IS
    'full_model_once_pico_usd minus spent_pico_usd. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.full_model_once_usd IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_on_once_usd IS 'full_model_once_usd minus spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_on_once_share IS
    'saved_on_once_pico_usd as a share of full_model_once_pico_usd. Unit: share up to 1.';
COMMENT ON COLUMN ops.savings_total.platform_cpu_seconds IS 'Processor time of the services and the database. Unit: seconds.';
COMMENT ON COLUMN ops.savings_total.platform_pico_usd IS
    'Cost of platform_cpu_seconds; not part of the amount spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.platform_usd IS 'Cost of platform_cpu_seconds; not part of the amount spent. Unit: USD.';

CREATE VIEW ops.price AS
SELECT model, valid_from, lead(valid_from) OVER (PARTITION BY model ORDER BY valid_from) AS valid_until,
    input_token_pico_usd, output_token_pico_usd,
    (input_token_pico_usd / 1000000.0)::numeric(20, 6) AS input_usd_per_million_tokens,
    (output_token_pico_usd / 1000000.0)::numeric(20, 6) AS output_usd_per_million_tokens
FROM winnow.price;
COMMENT ON VIEW ops.price IS 'Past, current and future prices of a token of each model, in pico-USD.';
COMMENT ON COLUMN ops.price.model IS 'Model that the price applies to, in all its versions.';
COMMENT ON COLUMN ops.price.valid_from IS 'When the price takes effect (UTC).';
COMMENT ON COLUMN ops.price.valid_until IS 'When the next price takes effect (UTC); null if no next price is set.';
COMMENT ON COLUMN ops.price.input_token_pico_usd IS 'Price of one input token. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.price.output_token_pico_usd IS 'Price of one output token. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.price.input_usd_per_million_tokens IS 'Price of a million input tokens. Unit: USD.';
COMMENT ON COLUMN ops.price.output_usd_per_million_tokens IS 'Price of a million output tokens. Unit: USD.';

CREATE VIEW ops.budget AS
SELECT tenant_id AS tenant, period::text, policy::text, limit_pico_usd, spent AS spent_pico_usd,
    greatest(limit_pico_usd - spent, 0) AS left_pico_usd, ops.usd(limit_pico_usd) AS limit_usd, ops.usd(spent) AS spent_usd,
    (date_trunc(period::text, now() AT TIME ZONE 'UTC') + ('1 ' || period)::interval) AT TIME ZONE 'UTC' AS renews_at
FROM (SELECT b.*, winnow.budget_spent(b.tenant_id, b.period, now()) AS spent FROM winnow.budget AS b) AS b;
COMMENT ON VIEW ops.budget IS 'Budgets for escalations, and what is left of them in the current hour, day or month (UTC).';
COMMENT ON COLUMN ops.budget.tenant IS 'Tenant that the budget belongs to.';
COMMENT ON COLUMN ops.budget.period IS 'hour, day or month (UTC).';
COMMENT ON COLUMN ops.budget.policy IS
    'What happens to items that exceed the budget: degrade (the small model''s answer is used), queue (they wait) or fail.';
COMMENT ON COLUMN ops.budget.limit_pico_usd IS 'Limit on the cost of escalations in the period. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.spent_pico_usd IS
    'Cost of escalations in the current period, including reservations. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.left_pico_usd IS 'What is left of the budget in the current period. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.limit_usd IS 'Limit on the cost of escalations in the period. Unit: USD.';
COMMENT ON COLUMN ops.budget.spent_usd IS 'Cost of escalations in the current period, including reservations. Unit: USD.';
COMMENT ON COLUMN ops.budget.renews_at IS 'When the next period begins (UTC).';
