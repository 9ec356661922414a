import JSON

/// Asks a worker to compute a step. The topic determines the capability.
public struct StepCommand: Sendable, Equatable {
    public var step: Int
    public var route: Route
    public var items: [String]
    /// The version of the catalog that accepted the request.
    public var catalogVersion: Int64?

    public init(step: Int, route: Route, items: [String], catalogVersion: Int64? = nil) {
        self.step = step
        self.route = route
        self.items = items
        self.catalogVersion = catalogVersion
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("step", step)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("items")
            body.array(items) { $0.string($1) }
            body.optional("catalogVersion", catalogVersion) { $0.integer($1) }
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            StepCommand(
                step: try Contract.step(body), route: try Contract.route(body),
                items: try body.list("items") { try Contract.text($0, "items") },
                catalogVersion: try Contract.catalogVersion(body))
        }
    }
}

/// The outcome of a step, with every model call that was made for it.
public struct Outcome: Sendable, Equatable {
    public enum State: String, Sendable { case answered, failed, expired }

    public var step: Int
    public var route: Route
    public var state: State
    /// One per item if the step was answered.
    public var answers: [Answer?]
    public var attempts: [Attempt]
    public var error: String?

    public init(
        step: Int, route: Route, state: State, answers: [Answer?] = [], attempts: [Attempt] = [], error: String? = nil
    ) {
        self.step = step
        self.route = route
        self.state = state
        self.answers = answers
        self.attempts = attempts
        self.error = error
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.object { body in
            body.member("step", step)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.member("state", state.rawValue)
            body.name("answers")
            body.write(answers)
            body.name("attempts")
            body.write(attempts)
            body.member("error", error)
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            guard let state = State(rawValue: try body.required("state")) else {
                throw ContractError(.wrongType, "state is unknown")
            }
            return Outcome(
                step: try Contract.step(body), route: try Contract.route(body), state: state,
                answers: try Contract.answers(body), attempts: try Contract.attempts(body),
                error: try body.text("error"))
        }
    }
}
