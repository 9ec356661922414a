import JSON

/// What an operator wants of one instance.
public struct Control: Sendable, Equatable {
    public enum Action: String, Sendable {
        /// Leave the work to the others, and live on.
        case drain
        /// Take part in it again.
        case resume
    }

    public var instance: Instance.ID
    public var action: Action

    public init(instance: Instance.ID, action: Action) {
        self.instance = instance
        self.action = action
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("instance", instance.description)
            body.member("action", action.rawValue)
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            guard let action = Action(rawValue: try body.required("action")) else {
                throw ContractError(.wrongType, "action must be drain or resume")
            }
            return Control(instance: try Instance.ID(json: body), action: action)
        }
    }
}
