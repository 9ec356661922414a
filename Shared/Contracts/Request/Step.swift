import JSON

/// One capability applied to up to 64 items.
public struct Step: Sendable, Equatable {
    /// A request id and the index of the step in its plan, written `request/ordinal`.
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

    /// `waiting → dispatched → answered | failed | expired | cancelled`. The last four are final.
    public enum State: String, Sendable {
        /// A step that this one depends on is not answered yet.
        case waiting
        /// The step was sent to a worker or to the escalator.
        case dispatched
        case answered, failed, expired, cancelled

        public var isFinal: Bool { self != .waiting && self != .dispatched }
    }

    public var ordinal: Int
    public var route: Route
    public var items: [Item]
    public var dependsOn: [Int]
    public var state: State
    /// One per item; `nil` for an item without an answer yet.
    public var answers: [Answer?]
    /// For a routing step, one per item: the router's answer if its confidence is below the threshold, otherwise `nil`.
    /// The full model routes these items, and the ledger counts how often both agree. Empty for all other steps.
    public var guesses: [Answer?]
    /// An error code and message. It never contains payload.
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

/// A segment of text. Each item gets one answer.
public struct Item: Sendable, Equatable {
    /// Empty while the item is pending.
    public var text: String
    /// The position of the item in its source. An item of a machine request is its own source.
    public var span: Span?
    /// The attachment that contains the item; `nil` for the request's own text.
    public var source: String?
    /// The answer that the item takes its text from, with its index; `nil` for a text of the request.
    public var from: ItemReference?
    /// For an item whose routing the full model is asked.
    public var context: ItemContext?

    public init(
        text: String, span: Span? = nil, source: String? = nil, from: ItemReference? = nil, context: ItemContext? = nil
    ) {
        self.text = text
        self.span = span
        self.source = source
        self.from = from
        self.context = context
    }

    /// Whether the answer that the item takes its text from does not exist yet.
    public var isPending: Bool { from != nil && text.isEmpty }

    /// An item of a machine request, or one that has taken its text from an answer.
    package init(whole text: String, from: ItemReference? = nil) {
        self.init(text: text, span: Span(0, text.unicodeScalars.count), from: from)
    }

    /// - Units: Unicode code points of the source, with an exclusive end, as in Python and Postgres.
    public struct Span: Sendable, Hashable {
        public var start: Int
        public var end: Int

        public init(_ start: Int, _ end: Int) {
            self.start = start
            self.end = end
        }
    }
}

extension Item {
    public func writeMembers(to body: inout JSONWriter, withText: Bool = true) {
        // A pending item has no text, so that a version that does not know references cannot take it for an empty one.
        if withText, !isPending { body.member("text", text) }
        body.optional("span", span) { writer, span in
            writer.array([span.start, span.end]) { $0.integer($1) }
        }
        body.member("source", source)
        from?.writeMembers(to: &body)
    }

    public init(json value: JSONValue) throws {
        let span = try value.list("span", in: "items") { $0.integer ?? -1 }
        guard span.isEmpty || (span.count == 2 && 0 <= span[0] && span[0] <= span[1]) else {
            throw ContractError(.wrongType, "items.span must be [start, end]")
        }
        let from = try ItemReference(membersOf: value, in: "items")
        let text = from == nil ? try value.required("text", in: "items") : try value.text("text", in: "items") ?? ""
        self.init(
            text: text, span: span.isEmpty ? nil : Span(span[0], span[1]),
            source: try value.text("source", in: "items"), from: from,
            context: try value["context"].map { try ItemContext(json: $0) })
    }

    /// Encodes the items of a step as the store keeps them.
    public static func encode(_ items: [Item]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array(items) { writer, item in
            writer.object {
                item.writeMembers(to: &$0)
                $0.optional("context", item.context) { $1.write(to: &$0) }
            }
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public static func decode(_ bytes: some Sequence<UInt8>) throws -> [Item] {
        try Contract.readList(bytes) { try Item(json: $0) }
    }
}
