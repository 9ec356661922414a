/// The sizes that come from outside and are held at the door.
public enum Limits {
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
