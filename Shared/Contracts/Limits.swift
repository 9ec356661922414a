/// Size limits. Input from outside is checked against them before it is read.
public enum Limits {
    /// The size of a record with its key and headers; the default limit of Kafka's brokers. A record that is larger
    /// after decompression is not read.
    /// - Units: bytes.
    public static let recordBytes = 1_048_588
    /// The size of the headers of a record that exceeds `recordBytes`. Larger headers are not read either.
    /// - Units: bytes.
    public static let headerBytes = 64 * 1024
    /// The size of the value of a request record.
    /// - Units: bytes.
    public static let requestBytes = 256 * 1024
    /// The size of the value of a result record. A larger result leaves out the texts of its items: the client already
    /// has them, or finds them in the answers that the items name.
    /// - Units: bytes.
    public static let resultBytes = 900_000
    /// The size of all texts and JSON values in the answers to one request, so that its result fits into a record.
    /// - Units: bytes, as they are written.
    public static let answerBytes = 600_000
    /// The size of all texts that items of one request take from its answers, so that a step fits into a record and a
    /// request that takes one answer many times stays small.
    /// - Units: bytes, as they are written.
    public static let takenBytes = requestBytes
    public static let stepsPerPlan = 16
    public static let itemsPerStep = 64
    public static let itemsPerPlan = stepsPerPlan * itemsPerStep
    /// The size of an event id, of a tenant, and of an attachment's name, which every item of the attachment carries.
    /// - Units: bytes.
    public static let identifierBytes = 256

    // Limits of the figures that one model call reports. Each is far above any real call and small enough for a ledger
    // row.
    public static let attemptsPerStep = Int(Int16.max)
    public static let itemsPerCall = 1_000_000
    public static let tokensPerCall = 1_000_000_000
    public static let flopsPerCall = 1_000_000_000_000_000_000
    /// - Units: microseconds; about four months.
    public static let microsPerCall = 10_000_000_000_000
    /// The highest price of a token: one dollar. - Units: pico-USD.
    public static let tokenPrice: Int64 = 1_000_000_000_000
}
