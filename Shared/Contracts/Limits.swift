/// What comes from outside is held against these sizes before it is read.
public enum Limits {
    /// Bytes of a record with its key and headers: what Kafka's brokers take by default. Records that are larger once they
    /// are unpacked are not read.
    public static let recordBytes = 1_048_588
    /// Bytes of the headers of a record that is larger than that; above it they are not read either.
    public static let headerBytes = 64 * 1024
    /// Bytes of a request's record value.
    public static let requestBytes = 256 * 1024
    /// Bytes of a result's record value: a result that is larger leaves out its items' texts, which the asker has.
    public static let resultBytes = 900_000
    public static let stepsPerPlan = 16
    public static let itemsPerStep = 64
    public static let itemsPerPlan = stepsPerPlan * itemsPerStep
    /// Bytes of an event id, of a tenant, and of an attachment's name, which every item from it carries.
    public static let identifierBytes = 256

    // What one model call may say of itself. Each is far above any real call, and small enough for a row of the ledger.
    public static let attemptsPerStep = Int(Int16.max)
    public static let itemsPerCall = 1_000_000
    public static let tokensPerCall = 1_000_000_000
    public static let flopsPerCall = 1_000_000_000_000_000_000
    /// - Units: microseconds; about four months.
    public static let microsPerCall = 10_000_000_000_000
    /// The highest price of a token. - Units: pico-USD, so that a million tokens cost at most a million USD.
    public static let tokenPrice: Int64 = 1_000_000_000_000
}
