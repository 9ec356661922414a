/// Synchronizes a test with the code under test.
final class Stage: Sendable {
    private let told = AsyncStream.makeStream(of: String.self)
    private let released = AsyncStream.makeStream(of: Void.self)

    func tell(_ event: String) { told.continuation.yield(event) }

    /// Signals the test, and waits until `release`.
    func reached(_ event: String) async {
        tell(event)
        for await _ in released.stream { return }
    }

    func release() { released.continuation.yield() }

    func waits(for event: String) async {
        for await told in told.stream where told == event { return }
    }
}
