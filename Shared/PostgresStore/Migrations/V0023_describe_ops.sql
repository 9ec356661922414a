-- What people read: FOCUS 1.2 with all its mandatory columns, prices by the million tokens, and a comment with its unit on every
-- column of every view. A test asks for one of each column that there is or will be.

CREATE OR REPLACE VIEW ops.focus_cost AS
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
    ops.usd(sum(full_model_cost_pico_usd)) AS "x_CounterfactualCost",
    'winnow' AS "BillingAccountId",
    'Winnow' AS "BillingAccountName",
    NULL::text AS "ChargeClass",
    'Usage-Based' AS "ChargeFrequency",
    'Natural Language Processing' AS "ServiceSubcategory",
    tenant_id AS "SubAccountName",
    ops.usd(sum(full_model_once_cost_pico_usd)) AS "x_CounterfactualOnceCost",
    EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id) AS "x_IsTest"
FROM winnow.cost AS c
GROUP BY day, capability, task, tenant_id, model, version, kind
HAVING sum(calls) <> 0;

CREATE OR REPLACE VIEW ops.price AS
SELECT model, valid_from, lead(valid_from) OVER (PARTITION BY model ORDER BY valid_from) AS valid_until,
    input_token_pico_usd, output_token_pico_usd,
    (input_token_pico_usd / 1000000.0)::numeric(20, 6) AS input_usd_per_million_tokens,
    (output_token_pico_usd / 1000000.0)::numeric(20, 6) AS output_usd_per_million_tokens
FROM winnow.price;

-- As `winnow` writes amounts for people.
CREATE FUNCTION ops.money(pico_usd numeric) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE
        WHEN pico_usd = 0 THEN '0 USD'
        WHEN abs(pico_usd) < 1000000000 THEN (pico_usd * 0.001)::numeric(38, 3) || ' nano-USD'
        ELSE (pico_usd * 0.000000000001)::numeric(38, 6) || ' USD' END;
COMMENT ON FUNCTION ops.money IS 'Pico-USD as people read them: nano-USD below a thousandth of a USD, USD with six decimals from there on.';

CREATE OR REPLACE VIEW ops.request_timeline AS
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

DO $$
DECLARE
    described record;
BEGIN
    -- First what a name means wherever it stands, then what it means in one view.
    FOR described IN
        SELECT c.table_name, c.column_name, d.comment
        FROM (VALUES
            ('capability', 'Capability that the items belong to; decomposition for the routing of human requests.'),
            ('task', 'Task of the capability.'),
            ('tenant', 'On whose behalf the request was sent.'),
            ('model', 'Name of the model.'),
            ('version', 'Version of the model.'),
            ('kind', 'Kind of call: router, worker, full (an escalation) or shadow (a check in the background).'),
            ('day', 'Day (UTC) in which the calls started.'),
            ('hour', 'Hour (UTC) in which the calls started.'),
            ('calls', 'Model calls. Unit: calls.'),
            ('lost_calls', 'Calls that failed, or were never settled because a process died; their cost counts. Unit: calls.'),
            ('items', 'Items that the calls were about. Unit: items.'),
            ('input_tokens', 'Tokens that the models read. Unit: tokens.'),
            ('output_tokens', 'Tokens that the models wrote. Unit: tokens.'),
            ('flops', 'Floating-point operations of the models. Unit: operations.'),
            ('cost_pico_usd', 'What was spent. Unit: pico-USD (10^-12 USD).'),
            ('cost_usd', 'What was spent. Unit: USD.'),
            ('full_model_flops', 'Operations of the full model alone, asked item by item for the items that were answered. Unit: operations.'),
            ('full_model_cost_pico_usd', 'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).'),
            ('full_model_cost_usd', 'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.'),
            ('full_model_once_cost_pico_usd', 'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).'),
            ('full_model_once_cost_usd', 'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.'),
            ('is_test', 'Whether the requests are tests: they are charged, and are in no savings.'),
            ('spent_pico_usd', 'What was spent. Unit: pico-USD (10^-12 USD).'),
            ('spent_usd', 'What was spent. Unit: USD.'),
            ('full_model_pico_usd', 'What the full model alone would have cost, asked item by item for the items that were answered. Unit: pico-USD (10^-12 USD).'),
            ('full_model_usd', 'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.'),
            ('full_model_once_pico_usd', 'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: pico-USD (10^-12 USD).'),
            ('full_model_once_usd', 'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.'),
            ('saved_pico_usd', 'full_model_pico_usd less spent_pico_usd; negative where more was spent than the full model alone would have cost. Unit: pico-USD (10^-12 USD).'),
            ('saved_usd', 'full_model_usd less spent_usd. Unit: USD.'),
            ('saved_on_once_pico_usd', 'full_model_once_pico_usd less spent_pico_usd. Unit: pico-USD (10^-12 USD).'),
            ('saved_on_once_usd', 'full_model_once_usd less spent_usd. Unit: USD.'),
            ('compute_share', 'Operations spent, as a share of what the full model alone would have taken, item by item. Unit: share from 0.'),
            ('router_pico_usd', 'Part of what was spent: calls of the router. Unit: pico-USD (10^-12 USD).'),
            ('worker_pico_usd', 'Part of what was spent: calls of the small models. Unit: pico-USD (10^-12 USD).'),
            ('escalation_pico_usd', 'Part of what was spent: escalations to the full model. Unit: pico-USD (10^-12 USD).'),
            ('shadow_pico_usd', 'Part of what was spent: checks in the background. Unit: pico-USD (10^-12 USD).'),
            ('request_id', 'Winnow''s own id of the request.'),
            ('certificate_id', 'Id of the certificate.'),
            ('state', 'State of the object; see the comment of the view.'),
            ('compared', 'Texts that both models were asked about; one that several tenants have sent counts once. Unit: texts.'),
            ('disagreed', 'Of these, the texts for which the answers differ. Unit: texts.'),
            ('agreement', 'Estimated share of all accepted answers that agree with the full model; each compared text weighs the inverse of the probability with which it was drawn. Unit: share from 0 to 1.'),
            ('agreement_low', 'Lower end of the 95% interval of agreement, which holds however often one looks. Unit: share from 0 to 1.'),
            ('agreement_high', 'Upper end of the 95% interval of agreement, which holds however often one looks. Unit: share from 0 to 1.')
        ) AS d (column_name, comment)
        JOIN information_schema.columns AS c ON c.table_schema = 'ops' AND c.column_name = d.column_name
        WHERE c.data_type NOT IN ('text', 'uuid')
            OR col_description(format('ops.%I', c.table_name)::regclass, c.ordinal_position) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN ops.%I.%I IS %L', described.table_name, described.column_name, described.comment);
    END LOOP;
    FOR described IN
        SELECT d.table_name, d.column_name, d.comment
        FROM (VALUES
            ('agreement', 'hour', 'Hour (UTC) in which the small model answered.'),
            ('agreement', 'compared', 'Texts that both models were asked about; one counts once for each tenant and certificate. Unit: texts.'),
            ('agreement', 'disagreed', 'Of these, the texts for which the answers differ. Unit: texts.'),
            ('tenant_agreement', 'state', 'Whether the certificate stands for this tenant: standing, superseded or revoked.'),
            ('tenant_agreement', 'promised', 'Share of accepted answers that the certificate promises to agree. Unit: share from 0 to 1.'),
            ('tenant_agreement', 'compared', 'Texts of the tenant that both models were asked about, each counted once. Unit: texts.'),
            ('tenant_agreement', 'disagreed', 'Of these, the texts for which the answers differ. Unit: texts.'),
            ('tenant_agreement', 'revoked_at', 'When it was revoked for this tenant alone (UTC).'),
            ('tenant_revocation', 'revoked_at', 'When it was revoked (UTC).'),
            ('avoided_compute', 'hour', 'Hour (UTC) in which the step ended.'),
            ('avoided_compute', 'reason', 'expired (past the deadline) or cancelled (on request, or because a step that it depends on was not answered).'),
            ('avoided_compute', 'steps', 'Steps that were never computed. Unit: steps.'),
            ('avoided_compute', 'items', 'Items that were never computed. Unit: items.'),
            ('budget', 'tenant', 'Whose budget it is.'),
            ('budget', 'period', 'hour, day or month (UTC).'),
            ('budget', 'policy', 'What becomes of items that there is no money for: degrade (the small model''s answer), queue (they wait) or fail.'),
            ('budget', 'limit_pico_usd', 'What escalations may cost in the period. Unit: pico-USD (10^-12 USD).'),
            ('budget', 'spent_pico_usd', 'What escalations have cost in the running period, reservations included. Unit: pico-USD (10^-12 USD).'),
            ('budget', 'left_pico_usd', 'What is left in the running period. Unit: pico-USD (10^-12 USD).'),
            ('budget', 'limit_usd', 'What escalations may cost in the period. Unit: USD.'),
            ('budget', 'spent_usd', 'What escalations have cost in the running period, reservations included. Unit: USD.'),
            ('budget', 'renews_at', 'When the next period begins (UTC).'),
            ('capability_cost', 'average_duration_ms', 'Mean time of a call, by wall clock. Unit: milliseconds.'),
            ('capability_use', 'rank', '1 for the task with the most items. Unit: place.'),
            ('capability_use', 'small_model_calls', 'Calls of the small model or the router. Unit: calls.'),
            ('capability_use', 'small_model_items', 'Items that the small model or the router was asked about. Unit: items.'),
            ('capability_use', 'escalations', 'Calls of the full model. Unit: calls.'),
            ('capability_use', 'escalated_items', 'Items that went on to the full model; repeated calls count again. Unit: items.'),
            ('capability_use', 'escalated_share', 'escalated_items of small_model_items. Unit: share from 0.'),
            ('capability_use', 'escalation_cost_usd', 'What the escalations have cost: what a better small model could save. Unit: USD.'),
            ('certificate', 'version', 'Counts the certificates of the task, in the order in which they were registered. Unit: ordinal.'),
            ('certificate', 'state', 'standing, superseded (by a newer one of the same models) or revoked.'),
            ('certificate', 'small_model', 'Small model, as name@version.'),
            ('certificate', 'full_model', 'Full model, as name@version.'),
            ('certificate', 'alpha', 'Share of accepted answers that may differ from the full model. Unit: share from 0 to 1.'),
            ('certificate', 'delta', 'Probability with which the promise may be wrong. Unit: share from 0 to 1.'),
            ('certificate', 'threshold', 'Calibrated confidence from which the small model answers itself. Unit: share from 0 to 1.'),
            ('certificate', 'items', 'Calibration items that the bound was found on. Unit: items.'),
            ('certificate', 'accepted', 'Calibration items that the small model would have answered itself. Unit: items.'),
            ('certificate', 'disagreements', 'Accepted items of which the full model says something else. Unit: items.'),
            ('certificate', 'bound', 'What the share of accepted answers that differ from the full model''s does not exceed, with confidence 1 - delta. Unit: share from 0 to 1.'),
            ('certificate', 'escalation_rate', 'Expected share of items that escalate. Unit: share from 0 to 1.'),
            ('certificate', 'escalation_rate_low', 'Lower end of its 95% interval. Unit: share from 0 to 1.'),
            ('certificate', 'escalation_rate_high', 'Upper end of its 95% interval. Unit: share from 0 to 1.'),
            ('certificate', 'saving', 'Expected share of the full model''s operations that is saved. Unit: share up to 1.'),
            ('certificate', 'saving_low', 'Lower end of its 95% interval. Unit: share up to 1.'),
            ('certificate', 'saving_high', 'Upper end of its 95% interval. Unit: share up to 1.'),
            ('certificate', 'accuracy_loss_bound', 'What the loss of accuracy does not exceed, with confidence 1 - delta; null where the items have no labels. Unit: share from 0 to 1.'),
            ('certificate', 'data_file', 'Name of the file with the calibration items.'),
            ('certificate', 'data_sha256', 'SHA-256 of that file, in hexadecimal.'),
            ('certificate', 'certified_at', 'When the bound was found (UTC).'),
            ('certificate', 'registered_at', 'When the certificate came into this database (UTC).'),
            ('certificate', 'revoked_at', 'When it was revoked (UTC); null while it was not.'),
            ('certificate', 'reason', 'Why it was revoked.'),
            ('certificate', 'equal_from', 'A label counts as the full model''s answer where that gives it at least this share of its best label''s probability; 1 means the best label alone. Unit: share from 0 to 1.'),
            ('certificate_agreement', 'state', 'standing, superseded or revoked.'),
            ('certificate_agreement', 'promised', 'Share of accepted answers that the certificate promises to agree. Unit: share from 0 to 1.'),
            ('daily_cost', 'guessed_items', 'Escalated items of which the small model''s or the router''s guess is known. Unit: items.'),
            ('daily_cost', 'agreed_items', 'Of those, the items of which the guess was what the full model said. Unit: items.'),
            ('focus_cost', 'BilledCost', 'What the calls have cost. Unit: USD.'),
            ('focus_cost', 'BillingAccountId', 'Account that is billed: the one of this Winnow.'),
            ('focus_cost', 'BillingAccountName', 'Name of that account.'),
            ('focus_cost', 'BillingCurrency', 'ISO 4217 code of the currency of all costs.'),
            ('focus_cost', 'BillingPeriodStart', 'First instant of the month (UTC).'),
            ('focus_cost', 'BillingPeriodEnd', 'First instant of the next month (UTC).'),
            ('focus_cost', 'ChargeCategory', 'Always Usage.'),
            ('focus_cost', 'ChargeClass', 'Null: no row corrects an earlier one.'),
            ('focus_cost', 'ChargeDescription', 'What the calls were for.'),
            ('focus_cost', 'ChargeFrequency', 'Always Usage-Based.'),
            ('focus_cost', 'ChargePeriodStart', 'First instant of the day (UTC).'),
            ('focus_cost', 'ChargePeriodEnd', 'First instant of the next day (UTC).'),
            ('focus_cost', 'ConsumedQuantity', 'Tokens that were read and written. Unit: tokens.'),
            ('focus_cost', 'ConsumedUnit', 'Unit of ConsumedQuantity.'),
            ('focus_cost', 'ContractedCost', 'As BilledCost: there are no discounts. Unit: USD.'),
            ('focus_cost', 'EffectiveCost', 'As BilledCost: nothing is amortized. Unit: USD.'),
            ('focus_cost', 'ListCost', 'As BilledCost: there are no discounts. Unit: USD.'),
            ('focus_cost', 'PricingQuantity', 'Tokens that are priced. Unit: tokens.'),
            ('focus_cost', 'PricingUnit', 'Unit of PricingQuantity.'),
            ('focus_cost', 'ProviderName', 'Always Winnow.'),
            ('focus_cost', 'PublisherName', 'Always Winnow.'),
            ('focus_cost', 'InvoiceIssuerName', 'Always Winnow.'),
            ('focus_cost', 'ServiceCategory', 'FOCUS category of the service.'),
            ('focus_cost', 'ServiceSubcategory', 'FOCUS subcategory of the service.'),
            ('focus_cost', 'ServiceName', 'Always Winnow.'),
            ('focus_cost', 'SkuId', 'Model, as name@version.'),
            ('focus_cost', 'SubAccountId', 'Tenant that is charged.'),
            ('focus_cost', 'SubAccountName', 'Name of the tenant: its id.'),
            ('focus_cost', 'Tags', 'Capability, task and kind of call, as a JSON object.'),
            ('focus_cost', 'x_Capability', 'Capability that the items belong to.'),
            ('focus_cost', 'x_Task', 'Task of the capability.'),
            ('focus_cost', 'x_Kind', 'Kind of call: router, worker, full or shadow.'),
            ('focus_cost', 'x_Calls', 'Model calls. Unit: calls.'),
            ('focus_cost', 'x_Items', 'Items that the calls were about. Unit: items.'),
            ('focus_cost', 'x_CounterfactualCost', 'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.'),
            ('focus_cost', 'x_CounterfactualOnceCost', 'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.'),
            ('focus_cost', 'x_IsTest', 'Whether the requests are tests, which are in no savings.'),
            ('instance', 'instance_id', 'Id of the process.'),
            ('instance', 'service', 'Service that the process runs.'),
            ('instance', 'host', 'Name of its machine.'),
            ('instance', 'pid', 'Process id on that machine. Unit: number.'),
            ('instance', 'version', 'Version of the program.'),
            ('instance', 'state', 'running, draining, stopped, or lost: not heard of for three beats.'),
            ('instance', 'partitions', 'Partitions that it works on. Unit: partitions.'),
            ('instance', 'started_at', 'When the process started (UTC).'),
            ('instance', 'beat_at', 'When it was last heard of (UTC).'),
            ('instance', 'beat_age_seconds', 'Time since then. Unit: seconds.'),
            ('instance', 'cpu_seconds', 'Processor time since the process started. Unit: seconds.'),
            ('platform_cost', 'day', 'Day (UTC) in which the time was used.'),
            ('platform_cost', 'component', 'Service, or database for this database.'),
            ('platform_cost', 'cpu_seconds', 'Processor time of all its processes; of the database the time in which it ran statements. Unit: seconds.'),
            ('platform_cost', 'core_hour_usd', 'Price of an hour of one core on that day. Unit: USD.'),
            ('platform_cost', 'cost_pico_usd', 'cpu_seconds at that price. Unit: pico-USD (10^-12 USD).'),
            ('platform_cost', 'cost_usd', 'cpu_seconds at that price. Unit: USD.'),
            ('price', 'model', 'Model that the price is of, in all its versions.'),
            ('price', 'valid_from', 'When the price begins (UTC).'),
            ('price', 'valid_until', 'When the next price begins (UTC); null while none is known.'),
            ('price', 'input_token_pico_usd', 'Price of a token that is read. Unit: pico-USD (10^-12 USD).'),
            ('price', 'output_token_pico_usd', 'Price of a token that is written. Unit: pico-USD (10^-12 USD).'),
            ('price', 'input_usd_per_million_tokens', 'Price of a million tokens that are read. Unit: USD.'),
            ('price', 'output_usd_per_million_tokens', 'Price of a million tokens that are written. Unit: USD.'),
            ('request', 'event_id', 'Id that the sender gave the request.'),
            ('request', 'channel', 'human (free language) or machine (names its steps itself).'),
            ('request', 'state', 'open, completed, rejected, failed, expired or cancelled.'),
            ('request', 'error', 'Why it was not answered; never payload.'),
            ('request', 'accepted_at', 'When the request was accepted (UTC).'),
            ('request', 'deadline_at', 'When nothing is computed for it any more (UTC); null without a deadline.'),
            ('request', 'completed_at', 'When it became final (UTC); null while it is open.'),
            ('request', 'duration_ms', 'Time from acceptance to the end. Unit: milliseconds.'),
            ('request', 'lane', 'interactive, or bulk: worked off with what the interactive lane leaves.'),
            ('request_timeline', 'at', 'When it happened (UTC).'),
            ('request_timeline', 'event', 'What happened.'),
            ('request_timeline', 'step', 'Ordinal of the step in the plan; null for what concerns the whole request. Unit: ordinal.'),
            ('request_timeline', 'detail', 'More about it; never payload.'),
            ('savings_total', 'saved_share', 'saved_pico_usd as a share of full_model_pico_usd. Unit: share up to 1.'),
            ('savings_total', 'saved_on_once_share', 'saved_on_once_pico_usd as a share of full_model_once_pico_usd. Unit: share up to 1.'),
            ('savings_total', 'platform_cpu_seconds', 'Processor time of services and database. Unit: seconds.'),
            ('savings_total', 'platform_pico_usd', 'What that costs; not part of what was spent. Unit: pico-USD (10^-12 USD).'),
            ('savings_total', 'platform_usd', 'What that costs; not part of what was spent. Unit: USD.'),
            ('tenant', 'weight', 'How many of its requests go for one of a tenant of weight 1, where there is not room for all. Unit: requests.'),
            ('tenant', 'open_requests', 'Requests that are under way. Unit: requests.'),
            ('tenant', 'waiting_requests', 'Requests that wait for their turn. Unit: requests.'),
            ('tenant', 'created_at', 'When its first request came, or its weight was set (UTC).')
        ) AS d (table_name, column_name, comment)
    LOOP
        EXECUTE format('COMMENT ON COLUMN ops.%I.%I IS %L', described.table_name, described.column_name, described.comment);
    END LOOP;
END
$$;
