-- Views of what calls cost, what they would have cost, and what may be spent.

-- An hour without open shards has one row for each key already: a month of such hours is read without grouping.
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
COMMENT ON VIEW ops.capability_cost IS 'The ledger per hour, capability, task, tenant, model, version and kind of call; of what is past retention, too.';
COMMENT ON COLUMN ops.capability_cost.hour IS 'Hour (UTC) in which the calls started.';
COMMENT ON COLUMN ops.capability_cost.capability IS
    'Capability that the items belong to; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.capability_cost.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.capability_cost.tenant IS 'On whose behalf the request was sent.';
COMMENT ON COLUMN ops.capability_cost.model IS 'Name of the model.';
COMMENT ON COLUMN ops.capability_cost.version IS 'Version of the model.';
COMMENT ON COLUMN ops.capability_cost.kind IS 'router, worker, full (an escalation) or shadow (a check in the background).';
COMMENT ON COLUMN ops.capability_cost.calls IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.capability_cost.lost_calls IS
    'Calls that failed, or were never settled because a process died; their cost counts. Unit: calls.';
COMMENT ON COLUMN ops.capability_cost.items IS 'Items that the calls were about. Unit: items.';
COMMENT ON COLUMN ops.capability_cost.input_tokens IS 'Tokens that the models read. Unit: tokens.';
COMMENT ON COLUMN ops.capability_cost.output_tokens IS 'Tokens that the models wrote. Unit: tokens.';
COMMENT ON COLUMN ops.capability_cost.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.capability_cost.cost_pico_usd IS 'What was spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.cost_usd IS 'What was spent. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.full_model_flops IS
    'Operations of the full model alone, asked item by item for the items that were answered. Unit: operations.';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_pico_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.full_model_cost_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.average_duration_ms IS 'Mean time of a call, by wall clock. Unit: milliseconds.';
COMMENT ON COLUMN ops.capability_cost.full_model_once_cost_pico_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.capability_cost.full_model_once_cost_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.capability_cost.is_test IS 'Whether the requests are tests: they are charged, and are in no savings.';

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
COMMENT ON VIEW ops.daily_cost IS 'ops.capability_cost per day (UTC), for months and years.';
COMMENT ON COLUMN ops.daily_cost.day IS 'Day (UTC) in which the calls started.';
COMMENT ON COLUMN ops.daily_cost.capability IS
    'Capability that the items belong to; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.daily_cost.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.daily_cost.tenant IS 'On whose behalf the request was sent.';
COMMENT ON COLUMN ops.daily_cost.model IS 'Name of the model.';
COMMENT ON COLUMN ops.daily_cost.version IS 'Version of the model.';
COMMENT ON COLUMN ops.daily_cost.kind IS
    'Kind of call: router, worker, full (an escalation) or shadow (a check in the background).';
COMMENT ON COLUMN ops.daily_cost.calls IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.daily_cost.lost_calls IS
    'Calls that failed, or were never settled because a process died; their cost counts. Unit: calls.';
COMMENT ON COLUMN ops.daily_cost.items IS 'Items that the calls were about. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.input_tokens IS 'Tokens that the models read. Unit: tokens.';
COMMENT ON COLUMN ops.daily_cost.output_tokens IS 'Tokens that the models wrote. Unit: tokens.';
COMMENT ON COLUMN ops.daily_cost.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.daily_cost.cost_pico_usd IS 'What was spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.cost_usd IS 'What was spent. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.full_model_flops IS
    'Operations of the full model alone, asked item by item for the items that were answered. Unit: operations.';
COMMENT ON COLUMN ops.daily_cost.full_model_cost_pico_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.full_model_cost_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.guessed_items IS
    'Escalated items of which the small model''s or the router''s guess is known. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.agreed_items IS
    'Of those, the items of which the guess was what the full model said. Unit: items.';
COMMENT ON COLUMN ops.daily_cost.full_model_once_cost_pico_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.daily_cost.full_model_once_cost_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.daily_cost.is_test IS 'Whether the requests are tests: they are charged, and are in no savings.';

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
COMMENT ON VIEW ops.capability_use IS 'Capabilities and tasks ranked by the items that their small models were asked about.';
COMMENT ON COLUMN ops.capability_use.rank IS '1 for the task with the most items. Unit: place.';
COMMENT ON COLUMN ops.capability_use.capability IS
    'Capability that the items belong to; decomposition for the routing of human requests.';
COMMENT ON COLUMN ops.capability_use.task IS 'Task of the capability.';
COMMENT ON COLUMN ops.capability_use.small_model_calls IS 'Calls of the small model or the router. Unit: calls.';
COMMENT ON COLUMN ops.capability_use.small_model_items IS
    'Items that the small model or the router was asked about. Unit: items.';
COMMENT ON COLUMN ops.capability_use.escalations IS 'Calls of the full model. Unit: calls.';
COMMENT ON COLUMN ops.capability_use.escalated_items IS
    'Items that went on to the full model; repeated calls count again. Unit: items.';
COMMENT ON COLUMN ops.capability_use.escalated_share IS 'escalated_items of small_model_items. Unit: share from 0.';
COMMENT ON COLUMN ops.capability_use.cost_usd IS 'What was spent. Unit: USD.';
COMMENT ON COLUMN ops.capability_use.escalation_cost_usd IS
    'What the escalations have cost: what a better small model could save. Unit: USD.';
COMMENT ON COLUMN ops.capability_use.full_model_cost_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';

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
    'Per day (UTC) and tenant: what was spent (routing, checks, failed and abandoned calls included) against the full model alone, asked item by item or once for each request. Answers that were given count; tests do not.';
COMMENT ON COLUMN ops.savings.day IS 'Day (UTC) in which the calls started.';
COMMENT ON COLUMN ops.savings.tenant IS 'On whose behalf the request was sent.';
COMMENT ON COLUMN ops.savings.spent_pico_usd IS 'What was spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_pico_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.saved_pico_usd IS
    'full_model_pico_usd less spent_pico_usd; negative where more was spent than the full model alone would have cost. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.spent_usd IS 'What was spent. Unit: USD.';
COMMENT ON COLUMN ops.savings.full_model_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.savings.saved_usd IS 'full_model_usd less spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings.flops IS 'Floating-point operations of the models. Unit: operations.';
COMMENT ON COLUMN ops.savings.full_model_flops IS
    'Operations of the full model alone, asked item by item for the items that were answered. Unit: operations.';
COMMENT ON COLUMN ops.savings.compute_share IS
    'Operations spent, as a share of what the full model alone would have taken, item by item. Unit: share from 0.';
COMMENT ON COLUMN ops.savings.router_pico_usd IS 'Part of what was spent: calls of the router. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.worker_pico_usd IS
    'Part of what was spent: calls of the small models. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.escalation_pico_usd IS
    'Part of what was spent: escalations to the full model. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.shadow_pico_usd IS 'Part of what was spent: checks in the background. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_once_pico_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.saved_on_once_pico_usd IS
    'full_model_once_pico_usd less spent_pico_usd. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings.full_model_once_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.savings.saved_on_once_usd IS 'full_model_once_usd less spent_usd. Unit: USD.';

CREATE VIEW ops.platform_cost AS
SELECT d.day, d.component, round(d.cpu_ms / 1000, 3) AS cpu_seconds, ops.usd(r.core_hour_pico_usd) AS core_hour_usd,
    round(d.cpu_ms * r.core_hour_pico_usd / 3600000) AS cost_pico_usd,
    ops.usd(round(d.cpu_ms * r.core_hour_pico_usd / 3600000)) AS cost_usd
FROM winnow.platform_day AS d CROSS JOIN LATERAL (
    SELECT core_hour_pico_usd FROM winnow.platform_rate
    WHERE valid_from <= d.day::timestamp AT TIME ZONE 'UTC' ORDER BY valid_from DESC LIMIT 1) AS r;
COMMENT ON VIEW ops.platform_cost IS
    'What the processes and the database themselves cost, per day (UTC), at the rate that held when the day began. The models that run in the processes are in it; their calls are in ops.savings, too.';
COMMENT ON COLUMN ops.platform_cost.day IS 'Day (UTC) in which the time was used.';
COMMENT ON COLUMN ops.platform_cost.component IS 'Service, or database for this database.';
COMMENT ON COLUMN ops.platform_cost.cpu_seconds IS
    'Processor time of all its processes; of the database the time in which it ran statements. Unit: seconds.';
COMMENT ON COLUMN ops.platform_cost.core_hour_usd IS 'Price of an hour of one core on that day. Unit: USD.';
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
COMMENT ON VIEW ops.savings_total IS 'ops.savings of everything that is kept.';
COMMENT ON COLUMN ops.savings_total.spent_pico_usd IS 'What was spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.full_model_pico_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.saved_pico_usd IS
    'full_model_pico_usd less spent_pico_usd; negative where more was spent than the full model alone would have cost. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.spent_usd IS 'What was spent. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.full_model_usd IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_usd IS 'full_model_usd less spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_share IS 'saved_pico_usd as a share of full_model_pico_usd. Unit: share up to 1.';
COMMENT ON COLUMN ops.savings_total.compute_share IS
    'Operations spent, as a share of what the full model alone would have taken, item by item. Unit: share from 0.';
COMMENT ON COLUMN ops.savings_total.full_model_once_pico_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.saved_on_once_pico_usd IS
    'full_model_once_pico_usd less spent_pico_usd. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.full_model_once_usd IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_on_once_usd IS 'full_model_once_usd less spent_usd. Unit: USD.';
COMMENT ON COLUMN ops.savings_total.saved_on_once_share IS
    'saved_on_once_pico_usd as a share of full_model_once_pico_usd. Unit: share up to 1.';
COMMENT ON COLUMN ops.savings_total.platform_cpu_seconds IS 'Processor time of services and database. Unit: seconds.';
COMMENT ON COLUMN ops.savings_total.platform_pico_usd IS
    'What that costs; not part of what was spent. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.savings_total.platform_usd IS 'What that costs; not part of what was spent. Unit: USD.';

CREATE VIEW ops.price AS
SELECT model, valid_from, lead(valid_from) OVER (PARTITION BY model ORDER BY valid_from) AS valid_until,
    input_token_pico_usd, output_token_pico_usd,
    (input_token_pico_usd / 1000000.0)::numeric(20, 6) AS input_usd_per_million_tokens,
    (output_token_pico_usd / 1000000.0)::numeric(20, 6) AS output_usd_per_million_tokens
FROM winnow.price;
COMMENT ON VIEW ops.price IS 'What a token of each model has cost, costs, and will cost, in pico-USD.';
COMMENT ON COLUMN ops.price.model IS 'Model that the price is of, in all its versions.';
COMMENT ON COLUMN ops.price.valid_from IS 'When the price begins (UTC).';
COMMENT ON COLUMN ops.price.valid_until IS 'When the next price begins (UTC); null while none is known.';
COMMENT ON COLUMN ops.price.input_token_pico_usd IS 'Price of a token that is read. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.price.output_token_pico_usd IS 'Price of a token that is written. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.price.input_usd_per_million_tokens IS 'Price of a million tokens that are read. Unit: USD.';
COMMENT ON COLUMN ops.price.output_usd_per_million_tokens IS 'Price of a million tokens that are written. Unit: USD.';

CREATE VIEW ops.budget AS
SELECT tenant_id AS tenant, period::text, policy::text, limit_pico_usd, spent AS spent_pico_usd,
    greatest(limit_pico_usd - spent, 0) AS left_pico_usd, ops.usd(limit_pico_usd) AS limit_usd, ops.usd(spent) AS spent_usd,
    (date_trunc(period::text, now() AT TIME ZONE 'UTC') + ('1 ' || period)::interval) AT TIME ZONE 'UTC' AS renews_at
FROM (SELECT b.*, winnow.budget_spent(b.tenant_id, b.period, now()) AS spent FROM winnow.budget AS b) AS b;
COMMENT ON VIEW ops.budget IS 'Budgets for escalations, and what is left of them in the hour, day or month (UTC) of now.';
COMMENT ON COLUMN ops.budget.tenant IS 'Whose budget it is.';
COMMENT ON COLUMN ops.budget.period IS 'hour, day or month (UTC).';
COMMENT ON COLUMN ops.budget.policy IS
    'What becomes of items that there is no money for: degrade (the small model''s answer), queue (they wait) or fail.';
COMMENT ON COLUMN ops.budget.limit_pico_usd IS 'What escalations may cost in the period. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.spent_pico_usd IS
    'What escalations have cost in the running period, reservations included. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.left_pico_usd IS 'What is left in the running period. Unit: pico-USD (10^-12 USD).';
COMMENT ON COLUMN ops.budget.limit_usd IS 'What escalations may cost in the period. Unit: USD.';
COMMENT ON COLUMN ops.budget.spent_usd IS 'What escalations have cost in the running period, reservations included. Unit: USD.';
COMMENT ON COLUMN ops.budget.renews_at IS 'When the next period begins (UTC).';
