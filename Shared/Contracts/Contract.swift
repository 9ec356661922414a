import JSON

/// What the codecs of Winnow's own messages share.
enum Contract {
    static func read<Message>(_ bytes: [UInt8], _ body: (JSONValue) throws -> Message) throws -> Message {
        try parsed(bytes) { root in
            guard root.kind == .object else { throw ContractError(.wrongType, "the message must be a JSON object") }
            return try body(root)
        }
    }

    /// Reads a JSON array, as a column of the store holds it.
    static func readList<Element>(
        _ bytes: some Sequence<UInt8>, _ element: (JSONValue) throws -> Element
    ) throws -> [Element] {
        try parsed(bytes) { root in
            guard let elements = try root.map(element) else {
                throw ContractError(.wrongType, "the value must be a JSON array")
            }
            return elements
        }
    }

    private static func parsed<Result>(
        _ bytes: some Sequence<UInt8>, _ body: (JSONValue) throws -> Result
    ) throws -> Result {
        do {
            return try JSONDocument.read(bytes, body)
        } catch let error as JSONError {
            throw ContractError(.notJSON, error.message)
        }
    }

    static func route(_ body: JSONValue) throws -> Route {
        Route(Capability(rawValue: try body.required("capability")), try body.required("task"))
    }

    /// A step's place in its plan; the store keeps it in 16 bits.
    static func step(_ body: JSONValue) throws -> Int {
        try body.requiredInteger("step", within: 0...Int(Int16.max))
    }

    static func text(_ value: JSONValue, _ path: String) throws -> String {
        guard let text = value.string else { throw ContractError(.wrongType, "\(path) must hold strings") }
        return text
    }

    static func answers(_ body: JSONValue) throws -> [Answer?] {
        try body.list("answers") { $0.isNull ? nil : try Answer(json: $0) }
    }

    static func attempts(_ body: JSONValue) throws -> [Attempt] {
        try body.list("attempts") { try Attempt(json: $0) }
    }
}
