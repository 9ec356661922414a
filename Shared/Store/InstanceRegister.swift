import Contracts

/// Which processes of the suite there are, as far as they have told.
public protocol InstanceRegister: Sendable {
    /// Keeps the newest beat of each; an older one changes nothing.
    /// - Throws: `StoreError`, retriable while the database is away.
    func note(_ instances: [Instance]) async throws

    /// Forgets those that have told nothing since `instant`.
    func forgetInstances(silentSince instant: Timestamp) async throws

    /// All that are known, in ascending order of id.
    func instances() async throws -> [Instance]
}
