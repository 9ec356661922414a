/// An integrator's own id of a request (`ce_id`), unique within its tenant.
public struct EventID: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    private let exact: ExactText

    public init(_ text: String) { exact = ExactText(text) }

    public init(stringLiteral text: String) { self.init(text) }

    public var text: String { exact.text }

    public var description: String { text }

    public static func < (left: EventID, right: EventID) -> Bool { left.exact < right.exact }
}
