/// One numbered change of the schema, embedded in the binary.
public struct Migration: Sendable, Equatable {
    public let version: Int
    public let name: String
    let script: [UInt8]

    /// In order; a merged one is never edited, a new one is added at the end.
    public static let all: [Migration] = [
        Migration(version: 1, name: "create_schema", script: PackageResources.V0001_create_schema_sql),
        Migration(version: 2, name: "maintain_partitions", script: PackageResources.V0002_maintain_partitions_sql),
        Migration(version: 3, name: "create_ops", script: PackageResources.V0003_create_ops_sql),
        Migration(version: 4, name: "create_roles", script: PackageResources.V0004_create_roles_sql),
        Migration(version: 5, name: "create_dispositions", script: PackageResources.V0005_create_dispositions_sql),
        Migration(version: 6, name: "create_cancellations", script: PackageResources.V0006_create_cancellations_sql),
        Migration(version: 7, name: "create_submission", script: PackageResources.V0007_create_submission_sql),
        Migration(version: 8, name: "create_instance", script: PackageResources.V0008_create_instance_sql),
        Migration(version: 9, name: "create_lanes", script: PackageResources.V0009_create_lanes_sql),
        Migration(version: 10, name: "create_tenant_weight", script: PackageResources.V0010_create_tenant_weight_sql),
        Migration(version: 11, name: "create_certificate", script: PackageResources.V0011_create_certificate_sql),
        Migration(version: 12, name: "create_rollup", script: PackageResources.V0012_create_rollup_sql),
        Migration(version: 13, name: "create_shadow", script: PackageResources.V0013_create_shadow_sql),
        Migration(version: 14, name: "create_budget", script: PackageResources.V0014_create_budget_sql),
        Migration(version: 15, name: "add_equal_from", script: PackageResources.V0015_add_equal_from_sql),
        Migration(version: 16, name: "weigh_tenants", script: PackageResources.V0016_weigh_tenants_sql),
        Migration(version: 17, name: "create_origin", script: PackageResources.V0017_create_origin_sql),
        Migration(version: 18, name: "create_result", script: PackageResources.V0018_create_result_sql),
        Migration(version: 19, name: "create_owed_emission", script: PackageResources.V0019_create_owed_emission_sql),
        Migration(version: 20, name: "bound_money", script: PackageResources.V0020_bound_money_sql),
        Migration(version: 21, name: "keep_routing_guesses", script: PackageResources.V0021_keep_routing_guesses_sql),
        Migration(version: 22, name: "count_savings", script: PackageResources.V0022_count_savings_sql),
        Migration(version: 23, name: "describe_ops", script: PackageResources.V0023_describe_ops_sql),
        Migration(version: 24, name: "create_tenant_topic", script: PackageResources.V0024_create_tenant_topic_sql),
        Migration(version: 25, name: "tighten_roles", script: PackageResources.V0025_tighten_roles_sql),
        Migration(version: 26, name: "create_retention", script: PackageResources.V0026_create_retention_sql),
        Migration(
            version: 27, name: "describe_tenant_topic", script: PackageResources.V0027_describe_tenant_topic_sql),
        Migration(
            version: 28, name: "add_submission_digest", script: PackageResources.V0028_add_submission_digest_sql),
    ]

    init(version: Int, name: String, script: [UInt8]) {
        self.version = version
        self.name = name
        self.script = script
    }
}
