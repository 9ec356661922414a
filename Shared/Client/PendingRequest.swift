import Contracts
import JSON

/// A request to submit: the unchanged bytes of its JSON, and its id.
///
/// The bytes are sent unchanged. The suite validates them, so that every client gets the same answer.
public struct PendingRequest: Sendable, Equatable {
    /// Sent as `ce_id`. Results are matched by it.
    public private(set) var eventID: EventID
    /// - Shape: the JSON of a request, as in infra/docs/integrate.md.
    public let body: [UInt8]
    /// Why the request cannot be sent at all; `nil` if it can be sent.
    public private(set) var rejection: ContractError?

    /// The limit of the topics. The suite's own limit is smaller, and the suite enforces it.
    /// - Units: bytes.
    static let mostBytes = 900 * 1024

    /// - Parameter request: it keeps its event id.
    public init(_ request: Request) { self.init(eventID: request.eventID, body: request.encode()) }

    init(eventID: EventID, body: [UInt8]) { (self.eventID, self.body) = (eventID, body) }

    /// Reads the id in JSON from outside.
    /// - Parameters:
    ///   - body: any bytes. If they cannot be read, they are sent nevertheless, and the suite rejects them.
    ///   - newID: the id of a request without one.
    public init(_ body: [UInt8], newID: () -> EventID) {
        self.body = body
        let id =
            (try? JSONDocument.read(body) { root -> Result<String?, ContractError> in
                guard let member = root["id"] else { return .success(nil) }
                guard let id = member.string, !id.isEmpty else {
                    return .failure(ContractError(.wrongType, "id must be a non-empty string"))
                }
                guard id.utf8.count <= Limits.identifierBytes, !id.utf8.contains(0) else {
                    return .failure(
                        ContractError(.tooLarge, "id has more than \(Limits.identifierBytes) bytes or contains a NUL"))
                }
                return .success(id)
            }) ?? .success(nil)
        switch id {
        case .success(let id): eventID = id.map { EventID($0) } ?? newID()
        case .failure(let error):
            eventID = newID()
            rejection = error
        }
        if body.count > Self.mostBytes {
            rejection = ContractError(
                .tooLarge, "the request has \(body.count) bytes; at most \(Limits.requestBytes)")
        }
    }

    /// Rejects each request whose id an earlier one has with other bytes. Results are matched by id, and of two bodies
    /// under one id only the first gets a result of its own.
    public static func rejectReusedIDs(in requests: inout [PendingRequest]) {
        var first: [EventID: [UInt8]] = [:]
        for index in requests.indices where requests[index].rejection == nil {
            let request = requests[index]
            if first[request.eventID, default: request.body] != request.body { requests[index].rejection = .idReused }
            first[request.eventID] = first[request.eventID] ?? request.body
        }
    }
}
