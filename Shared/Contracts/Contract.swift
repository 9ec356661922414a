import JSON

/// What the codecs of Winnow's own messages share.
enum Contract {
    static func read<Message>(_ bytes: [UInt8], _ body: (JSONValue) throws -> Message) throws -> Message {
        do {
            return try JSONDocument.read(bytes) { root in
                guard root.kind == .object else { throw ContractError(.wrongType, "the message must be a JSON object") }
                return try body(root)
            }
        } catch let error as JSONError {
            throw ContractError(.notJSON, error.message)
        }
    }

    static func route(_ body: JSONValue) throws -> Route {
        Route(Capability(rawValue: try body.required("capability")), try body.required("task"))
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
