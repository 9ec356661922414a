/// A process of the suite, as operators see it.
public struct FoundInstance: Sendable, Equatable {
    public let service: String
    /// `running`, `draining`, `stopped`, or `lost`: not heard of for three beats.
    public let state: String
    public let partitions: Int
}
