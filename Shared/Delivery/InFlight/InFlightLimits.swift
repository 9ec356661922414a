/// How many slow records a loop has in flight, and how long it waits for them.
///
/// A loop that reaches a bound takes no further records until one is done. Up to one batch waits in memory meanwhile.
public struct InFlightLimits: Sendable {
    /// - Default: 256.
    public var records: Int
    /// The sum of keys and values. A larger record is handled alone. - Default: 16 MiB. Units: bytes.
    public var bytes: Int
    /// How long the records of a revoked partition, or of a process that stops, are waited for. They are cancelled
    /// then. - Default: 10 s.
    public var grace: Duration

    public init(records: Int = 256, bytes: Int = 16 << 20, grace: Duration = .seconds(10)) {
        self.records = records
        self.bytes = bytes
        self.grace = grace
    }
}
