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
}
