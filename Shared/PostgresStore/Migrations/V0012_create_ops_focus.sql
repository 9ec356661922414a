-- The columns of FOCUS 1.2, all mandatory ones included. Charges are usage and nothing else: what was saved is a column of our own,
-- never a credit.
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
COMMENT ON VIEW ops.focus_cost IS 'Costs in the columns of FOCUS 1.2, a row for each day, tenant, capability, task, model and kind of call.';
COMMENT ON COLUMN ops.focus_cost."BilledCost" IS 'What the calls have cost. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."BillingCurrency" IS 'ISO 4217 code of the currency of all costs.';
COMMENT ON COLUMN ops.focus_cost."BillingPeriodStart" IS 'First instant of the month (UTC).';
COMMENT ON COLUMN ops.focus_cost."BillingPeriodEnd" IS 'First instant of the next month (UTC).';
COMMENT ON COLUMN ops.focus_cost."ChargeCategory" IS 'Always Usage.';
COMMENT ON COLUMN ops.focus_cost."ChargeDescription" IS 'What the calls were for.';
COMMENT ON COLUMN ops.focus_cost."ChargePeriodStart" IS 'First instant of the day (UTC).';
COMMENT ON COLUMN ops.focus_cost."ChargePeriodEnd" IS 'First instant of the next day (UTC).';
COMMENT ON COLUMN ops.focus_cost."ConsumedQuantity" IS 'Tokens that were read and written. Unit: tokens.';
COMMENT ON COLUMN ops.focus_cost."ConsumedUnit" IS 'Unit of ConsumedQuantity.';
COMMENT ON COLUMN ops.focus_cost."ContractedCost" IS 'As BilledCost: there are no discounts. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."EffectiveCost" IS 'As BilledCost: nothing is amortized. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."ListCost" IS 'As BilledCost: there are no discounts. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."PricingQuantity" IS 'Tokens that are priced. Unit: tokens.';
COMMENT ON COLUMN ops.focus_cost."PricingUnit" IS 'Unit of PricingQuantity.';
COMMENT ON COLUMN ops.focus_cost."ProviderName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."PublisherName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."InvoiceIssuerName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."ServiceCategory" IS 'FOCUS category of the service.';
COMMENT ON COLUMN ops.focus_cost."ServiceName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."SkuId" IS 'Model, as name@version.';
COMMENT ON COLUMN ops.focus_cost."SubAccountId" IS 'Tenant that is charged.';
COMMENT ON COLUMN ops.focus_cost."Tags" IS 'Capability, task and kind of call, as a JSON object.';
COMMENT ON COLUMN ops.focus_cost."x_Capability" IS 'Capability that the items belong to.';
COMMENT ON COLUMN ops.focus_cost."x_Task" IS 'Task of the capability.';
COMMENT ON COLUMN ops.focus_cost."x_Kind" IS 'Kind of call: router, worker, full or shadow.';
COMMENT ON COLUMN ops.focus_cost."x_Calls" IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.focus_cost."x_Items" IS 'Items that the calls were about. Unit: items.';
COMMENT ON COLUMN ops.focus_cost."x_CounterfactualCost" IS
    'What the full model alone would have cost, asked item by item for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."BillingAccountId" IS 'Account that is billed: the one of this Winnow.';
COMMENT ON COLUMN ops.focus_cost."BillingAccountName" IS 'Name of that account.';
COMMENT ON COLUMN ops.focus_cost."ChargeClass" IS 'Null: no row corrects an earlier one.';
COMMENT ON COLUMN ops.focus_cost."ChargeFrequency" IS 'Always Usage-Based.';
COMMENT ON COLUMN ops.focus_cost."ServiceSubcategory" IS 'FOCUS subcategory of the service.';
COMMENT ON COLUMN ops.focus_cost."SubAccountName" IS 'Name of the tenant: its id.';
COMMENT ON COLUMN ops.focus_cost."x_CounterfactualOnceCost" IS
    'What the full model alone would have cost, asked once for each request, for the items that were answered. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."x_IsTest" IS 'Whether the requests are tests, which are in no savings.';
