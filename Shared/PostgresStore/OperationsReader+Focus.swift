import Store

extension OperationsReader {
    /// The costs in the columns of FOCUS 1.2, a row for each day, tenant, capability, task, model and kind of call.
    /// - Source: FinOps Open Cost and Usage Specification 1.2; times and numbers are written as its attributes ask for
    public func focusCosts() async throws -> OperationsReport {
        let select: SQL = """
            SELECT "BilledCost"::text, "BillingAccountId", "BillingAccountName", "BillingCurrency",
                to_char("BillingPeriodEnd" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                to_char("BillingPeriodStart" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), "ChargeCategory",
                "ChargeClass", "ChargeDescription", "ChargeFrequency",
                to_char("ChargePeriodEnd" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                to_char("ChargePeriodStart" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                "ConsumedQuantity"::text, "ConsumedUnit", "ContractedCost"::text, "EffectiveCost"::text,
                "InvoiceIssuerName", "ListCost"::text, "PricingQuantity"::text, "PricingUnit", "ProviderName",
                "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SubAccountId",
                "SubAccountName", "Tags"::text, "x_Calls"::text, "x_Capability", "x_CounterfactualCost"::text,
                "x_CounterfactualOnceCost"::text, "x_IsTest"::text, "x_Items"::text, "x_Kind", "x_Task"
            FROM ops.focus_cost ORDER BY "ChargePeriodStart", "SubAccountId", "ChargeDescription", "SkuId"
            """
        let names = [
            "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
            "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
            "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
            "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName",
            "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SubAccountId",
            "SubAccountName", "Tags", "x_Calls", "x_Capability", "x_CounterfactualCost", "x_CounterfactualOnceCost",
            "x_IsTest", "x_Items", "x_Kind", "x_Task",
        ]
        return try await report(select.named("read FOCUS costs"), names.map { .init($0) })
    }
}
