import JSON

/// Asks the full model for the items of a step that the worker could not answer with enough confidence. It carries the
/// answers and attempts so far, so that no answer or cost is lost.
public struct Escalation: Sendable, Equatable {
    /// An item without an answer yet.
    public struct OpenItem: Sendable, Equatable {
        /// The index of the item in its step.
        public var index: Int
        public var text: String
        /// The small model's answer below the threshold; `nil` if the small model gave none.
        public var guess: Answer?
        /// What stands around an item that is to be routed.
        public var context: ItemContext?

        public init(index: Int, text: String, guess: Answer? = nil, context: ItemContext? = nil) {
            self.index = index
            self.text = text
            self.guess = guess
            self.context = context
        }
    }

    public var step: Int
    public var route: Route
    public var open: [OpenItem]
    /// One per item of the step; `nil` for open items.
    public var answers: [Answer?]
    public var attempts: [Attempt]
    /// The version of the catalog that accepted the request.
    public var catalogVersion: Int64?

    public init(
        step: Int, route: Route, open: [OpenItem], answers: [Answer?], attempts: [Attempt], catalogVersion: Int64? = nil
    ) {
        self.step = step
        self.route = route
        self.open = open
        self.answers = answers
        self.attempts = attempts
        self.catalogVersion = catalogVersion
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.object { body in
            body.member("step", step)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("open")
            body.array(open) { writer, item in
                writer.object {
                    $0.member("index", item.index)
                    $0.member("text", item.text)
                    $0.optional("guess", item.guess) { $1.write(to: &$0) }
                    $0.optional("context", item.context) { $1.write(to: &$0) }
                }
            }
            body.name("answers")
            body.write(answers)
            body.name("attempts")
            body.write(attempts)
            body.optional("catalogVersion", catalogVersion) { $0.integer($1) }
        }
        return writer.bytes
    }

    /// Reads only the route, of an escalation or a shadow.
    /// - Returns: `nil` if the bytes are neither.
    public static func route(of bytes: [UInt8]) -> Route? { try? Contract.read(bytes) { try Contract.route($0) } }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            let answers = try Contract.answers(body)
            let open = try body.list("open") { value in
                let item = OpenItem(
                    index: try value.requiredInteger("index", in: "open"), text: try value.required("text", in: "open"),
                    guess: try value["guess"].map { try Answer(json: $0) },
                    context: try value["context"].map { try ItemContext(json: $0) })
                guard answers.indices.contains(item.index) else {
                    throw ContractError(.wrongType, "open.index is out of range")
                }
                return item
            }
            return Escalation(
                step: try Contract.step(body), route: try Contract.route(body), open: open, answers: answers,
                attempts: try Contract.attempts(body), catalogVersion: try Contract.catalogVersion(body))
        }
    }
}
