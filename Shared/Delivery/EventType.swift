/// The `ce_type` of each record that Winnow writes.
public enum EventType {
    public static let request = "winnow.request.v1"
    public static let step = "winnow.step.v1"
    public static let escalation = "winnow.escalation.v1"
    public static let shadow = "winnow.shadow.v1"
    public static let outcome = "winnow.outcome.v1"
    public static let cancellation = "winnow.cancellation.v1"
    public static let certificate = "winnow.certificate.v1"
    public static let heartbeat = "winnow.heartbeat.v1"
    public static let control = "winnow.control.v1"
    public static let result = "winnow.result.v1"
}
