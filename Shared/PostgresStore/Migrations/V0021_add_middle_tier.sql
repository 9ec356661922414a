-- A task may have a middle model, which is asked between the small and the full one.

-- The new value cannot be used before it is committed, so the views below compare words.
ALTER TYPE winnow.attempt_kind ADD VALUE 'middle' BEFORE 'full';

COMMENT ON TABLE winnow.paid_answer IS
    'Answers of endpoints and of the full model to the open items of a step. Holds payload: only the escalator reads it.';
COMMENT ON COLUMN winnow.paid_answer.question IS
    'The SHA-256 of the indexes and texts of the items, and of the kind of the call if it is not one of the full model.';
COMMENT ON COLUMN winnow.attempt.guessed_items IS
    'For calls of the full model: items for which the answer of a small or a middle model is known.';

COMMENT ON COLUMN ops.capability_cost.kind IS
    'router, worker (the small model), middle, full (an escalation) or shadow (a background check).';
COMMENT ON COLUMN ops.daily_cost.kind IS
    'Kind of call: router, worker (the small model), middle, full (an escalation) or shadow (a background check).';
COMMENT ON COLUMN ops.focus_cost."x_Kind" IS 'Kind of call: router, worker, middle, full or shadow.';
COMMENT ON COLUMN ops.daily_cost.guessed_items IS
    'Escalated items for which the guess of the small or middle model or of the router is known. Unit: items.';

-- As in V0011, with the middle models.
CREATE OR REPLACE VIEW ops.savings AS
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
    ops.usd(sum(full_model_once_cost_pico_usd) - sum(cost_pico_usd)) AS saved_on_once_usd,
    coalesce(sum(cost_pico_usd) FILTER (WHERE kind::text = 'middle'), 0) AS middle_pico_usd
FROM winnow.cost AS c
WHERE NOT EXISTS (SELECT FROM winnow.test_tenant AS t WHERE t.tenant_id = c.tenant_id)
GROUP BY day, tenant_id
HAVING sum(calls) <> 0;
COMMENT ON COLUMN ops.savings.middle_pico_usd IS 'Amount spent on calls of the middle models. Unit: pico-USD (10^-12 USD).';

-- As in V0012, with the middle models.
CREATE OR REPLACE VIEW ops.focus_cost AS
SELECT ops.usd(sum(cost_pico_usd)) AS "BilledCost",
    'USD' AS "BillingCurrency",
    date_trunc('month', day::timestamp) AT TIME ZONE 'UTC' AS "BillingPeriodStart",
    (date_trunc('month', day::timestamp) + interval '1 month') AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
    'Usage' AS "ChargeCategory",
    capability || '/' || task || CASE kind::text
        WHEN 'router' THEN ', routing' WHEN 'worker' THEN ', small model' WHEN 'middle' THEN ', middle model'
        WHEN 'full' THEN ', escalation to the full model'
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

SELECT winnow.grant_roles();
