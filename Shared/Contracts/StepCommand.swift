import JSON

/// Asks a worker for a step. The capability is the topic's.
public struct StepCommand: Sendable, Equatable {
    public var step: Int
    public var route: Route
    public var items: [String]

    public init(step: Int, route: Route, items: [String]) {
        self.step = step
        self.route = route
        self.items = items
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("step", step)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("items")
            body.array(items) { $0.string($1) }
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            StepCommand(
                step: try Contract.step(body), route: try Contract.route(body),
                items: try body.list("items") { try Contract.text($0, "items") })
        }
    }
}
