/// Why a message was not accepted. Never quotes what was sent.
public struct ContractError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notJSON = "not_json"
        case wrongType = "wrong_type"
        case missingField = "missing_field"
        case emptyText = "empty_text"
        case unknownChannel = "unknown_channel"
        case unknownRoute = "unknown_route"
        case tooLarge = "too_large"
        case invalidPlan = "invalid_plan"
        case invalidHeader = "invalid_header"
        case expired = "deadline_passed"
        case idReused = "id_reused"
        case overloaded
        case unknownType = "unknown_type"
        case unsupportedMediaType = "unsupported_media_type"
        case unknownRequest = "unknown_request"
        case unknownStep = "unknown_step"
        case wrongTenant = "wrong_tenant"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Of an id that belongs to another request, one that waits, was accepted, or stands before it in the same input.
    public static let idReused = ContractError(
        .idReused, "a request with this id and another body came before; send this one under an id of its own")

    public var description: String { "\(code.rawValue): \(message)" }
}
