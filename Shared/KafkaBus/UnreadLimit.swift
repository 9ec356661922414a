/// What a producer may have waiting unread in a partition of the embedded broker, which keeps 5 MiB and drops the oldest
/// records in silence, read or not. A cluster with retention by time has no such limit.
/// - Source: infra/decisions/0042-the-embedded-broker-is-not-outrun.md
public struct UnreadLimit: Sendable {
    /// Of one partition and this process. - Units: bytes.
    public var bytes: Int
    /// How long the reading group may read nothing before it is not waited for any longer.
    public var longestWait: Duration
    /// Whether what others left in the topic counts, and whether a group that does not read is an error.
    public var isStrict: Bool

    public init(bytes: Int, longestWait: Duration, isStrict: Bool = false) {
        self.bytes = bytes
        self.longestWait = longestWait
        self.isStrict = isStrict
    }

    /// Four processes may write to one partition and stay below what it keeps. The wait is longer than a record rests among
    /// the retries, and than a client needs to find a broker that was started again; two services that wait for each
    /// other go on after it.
    public static let service = UnreadLimit(bytes: 1 << 20, longestWait: .seconds(40))

    /// Of those who hand in requests, which nothing would bring back.
    public static let submission = UnreadLimit(bytes: 2 << 20, longestWait: .seconds(60), isStrict: true)
}
