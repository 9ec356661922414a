/// Something that runs until it is asked to stop.
public protocol Service: Sendable {
    /// Returns after a graceful shutdown; throws when it cannot go on.
    func run() async throws
}
