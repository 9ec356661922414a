/// One capability applied to up to 64 items.
public struct Step: Sendable, Equatable {
    /// A request and the step's place in its plan, written `request/ordinal`.
    public struct ID: Hashable, Sendable, CustomStringConvertible {
        public let request: Request.ID
        public let ordinal: Int

        public init(request: Request.ID, ordinal: Int) {
            self.request = request
            self.ordinal = ordinal
        }

        /// - Returns: `nil` unless `text` is `request/ordinal`.
        public init?(_ text: some StringProtocol) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let request = Request.ID(parts[0]), let ordinal = Int(parts[1]),
                ordinal >= 0, parts[1] == "\(ordinal)"
            else { return nil }
            self.init(request: request, ordinal: ordinal)
        }

        public var description: String { "\(request)/\(ordinal)" }
    }

    /// `waiting → dispatched → answered | failed | expired | cancelled`; the last four are final.
    public enum State: String, Sendable {
        /// A step that it depends on is not answered yet.
        case waiting
        /// With a worker or the escalator.
        case dispatched
        case answered, failed, expired, cancelled

        public var isFinal: Bool { self != .waiting && self != .dispatched }
    }

    public var ordinal: Int
    public var route: Route
    public var items: [Item]
    public var dependsOn: [Int]
    public var state: State
    /// One a item once answered; `nil` where nobody has said anything yet.
    public var answers: [Answer?]
    /// Of a routing one an item: what the router would have said of those that it was not sure of. The full model's answers
    /// are compared with them. Empty for every other step.
    public var guesses: [Answer?]
    /// A fault's code and words, never payload.
    public var error: String?

    public init(
        ordinal: Int, route: Route, items: [Item], dependsOn: [Int] = [], state: State, answers: [Answer?] = [],
        guesses: [Answer?] = [], error: String? = nil
    ) {
        self.ordinal = ordinal
        self.route = route
        self.items = items
        self.dependsOn = dependsOn
        self.state = state
        self.answers = answers
        self.guesses = guesses
        self.error = error
    }
}
