/// A consumer that can follow other topics while it runs.
public protocol TopicSubscriber: Sendable {
    /// Follows exactly these topics from now on. Partitions of topics that it followed before stay with it. Safe from any
    /// thread.
    /// - Throws: `MessageBusError`
    func subscribe(to topics: [String]) async throws
}
