import Contracts

/// Whether the topics of tenants that have their own are there. A request or a result without its topic goes nowhere.
enum TenantTopicsCheck {
    private static let check = "topics of tenants"

    /// - Parameters:
    ///   - tenants: as Postgres lists them.
    ///   - topics: what the broker has.
    static func finding(_ tenants: Result<Set<TenantID>, any Error>, in topics: some Collection<String>)
        -> DoctorVerb.Finding
    {
        do {
            let existing = Set(topics)
            let tenants = try tenants.get().sorted()
            let missing = tenants.map { (tenant: $0, topics: Topic.own($0).filter { !existing.contains($0) }) }
                .filter { !$0.topics.isEmpty }
            guard missing.isEmpty else {
                let commands = missing.map { "winnow tenants topics \(Shell.quoted($0.tenant.rawValue))" }
                return DoctorVerb.Finding(
                    check, .bad, "missing: \(missing.flatMap { $0.topics }.joined(separator: ", "))",
                    "run \(commands.joined(separator: "; "))")
            }
            return DoctorVerb.Finding(
                check, .good, tenants.isEmpty ? "no tenant has its own" : "those of \(tenants.count) tenants are there")
        } catch {
            return DoctorVerb.Finding(check, .doubtful, "\(error)")
        }
    }
}
