-- The columns of FOCUS 1.2, including all mandatory ones. The only charge category is usage: savings are a column of our own and
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
COMMENT ON VIEW ops.focus_cost IS
    'Costs in the columns of FOCUS 1.2, one row per day, tenant, capability, task, model and kind of call.';
COMMENT ON COLUMN ops.focus_cost."BilledCost" IS 'Cost of the calls. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."BillingCurrency" IS 'ISO 4217 code of the currency of all costs.';
COMMENT ON COLUMN ops.focus_cost."BillingPeriodStart" IS 'First instant of the month (UTC).';
COMMENT ON COLUMN ops.focus_cost."BillingPeriodEnd" IS 'First instant of the next month (UTC).';
COMMENT ON COLUMN ops.focus_cost."ChargeCategory" IS 'Always Usage.';
COMMENT ON COLUMN ops.focus_cost."ChargeDescription" IS 'Purpose of the calls.';
COMMENT ON COLUMN ops.focus_cost."ChargePeriodStart" IS 'First instant of the day (UTC).';
COMMENT ON COLUMN ops.focus_cost."ChargePeriodEnd" IS 'First instant of the next day (UTC).';
COMMENT ON COLUMN ops.focus_cost."ConsumedQuantity" IS 'Input and output tokens. Unit: tokens.';
COMMENT ON COLUMN ops.focus_cost."ConsumedUnit" IS 'Unit of ConsumedQuantity.';
COMMENT ON COLUMN ops.focus_cost."ContractedCost" IS 'Same as BilledCost, because there are no discounts. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."EffectiveCost" IS 'Same as BilledCost, because nothing is amortized. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."ListCost" IS 'Same as BilledCost, because there are no discounts. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."PricingQuantity" IS 'Tokens that the price applies to. Unit: tokens.';
COMMENT ON COLUMN ops.focus_cost."PricingUnit" IS 'Unit of PricingQuantity.';
COMMENT ON COLUMN ops.focus_cost."ProviderName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."PublisherName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."InvoiceIssuerName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."ServiceCategory" IS 'FOCUS category of the service.';
COMMENT ON COLUMN ops.focus_cost."ServiceName" IS 'Always Winnow.';
COMMENT ON COLUMN ops.focus_cost."SkuId" IS 'Model, as name@version.';
COMMENT ON COLUMN ops.focus_cost."SubAccountId" IS 'Tenant that is charged.';
COMMENT ON COLUMN ops.focus_cost."Tags" IS 'Capability, task and kind of call, as a JSON object.';
COMMENT ON COLUMN ops.focus_cost."x_Capability" IS 'Capability of the items.';
COMMENT ON COLUMN ops.focus_cost."x_Task" IS 'Task of the capability.';
COMMENT ON COLUMN ops.focus_cost."x_Kind" IS 'Kind of call: router, worker, full or shadow.';
COMMENT ON COLUMN ops.focus_cost."x_Calls" IS 'Model calls. Unit: calls.';
COMMENT ON COLUMN ops.focus_cost."x_Items" IS 'Items of the calls. Unit: items.';
COMMENT ON COLUMN ops.focus_cost."x_CounterfactualCost" IS
    'What the full model alone would have cost for the answered items, with one call per item. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."BillingAccountId" IS 'Account that is billed: the one of this Winnow installation.';
COMMENT ON COLUMN ops.focus_cost."BillingAccountName" IS 'Name of that account.';
COMMENT ON COLUMN ops.focus_cost."ChargeClass" IS 'Always null, because no row corrects an earlier one.';
COMMENT ON COLUMN ops.focus_cost."ChargeFrequency" IS 'Always Usage-Based.';
COMMENT ON COLUMN ops.focus_cost."ServiceSubcategory" IS 'FOCUS subcategory of the service.';
COMMENT ON COLUMN ops.focus_cost."SubAccountName" IS 'Name of the tenant, which is its id.';
COMMENT ON COLUMN ops.focus_cost."x_CounterfactualOnceCost" IS
    'What the full model alone would have cost for the answered items, with one call per request. Unit: USD.';
COMMENT ON COLUMN ops.focus_cost."x_IsTest" IS 'Whether the requests are tests, which are excluded from the savings.';
