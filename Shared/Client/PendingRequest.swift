import Contracts
import JSON

/// One line of `winnow submit`: the unchanged bytes of a request, and its id.
///
/// The line is sent unchanged. The suite validates it, so that every client gets the same answer.
struct SubmitLine: Equatable {
    var eventID: EventID
    var bytes: [UInt8]
    /// Why the line cannot be sent at all.
    var rejection: ContractError?

    /// The limit of the topics. The suite's own limit is smaller, and the suite enforces it.
    static let mostBytes = 900 * 1024

    init(_ bytes: [UInt8], newID: () -> EventID) {
        self.bytes = bytes
        let id =
            (try? JSONDocument.read(bytes) { root -> Result<String?, ContractError> in
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
        if bytes.count > Self.mostBytes {
            rejection = ContractError(
                .tooLarge, "the request has \(bytes.count) bytes; at most \(Limits.requestBytes)")
        }
    }

    /// Rejects each line whose id an earlier line has with other bytes. Results are matched by id, and of two bodies
    /// under one id only the first gets a result of its own.
    static func rejectReusedIDs(in lines: inout [SubmitLine]) {
        var first: [EventID: [UInt8]] = [:]
        for index in lines.indices where lines[index].rejection == nil {
            let line = lines[index]
            if first[line.eventID, default: line.bytes] != line.bytes { lines[index].rejection = .idReused }
            first[line.eventID] = first[line.eventID] ?? line.bytes
        }
    }

    /// Returns the result of a line that was not sent, in the suite's format.
    static func rejected(_ id: EventID, _ error: ContractError) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("id", id.text)
            body.member("status", "rejected")
            body.member("error", error.description)
            body.name("steps")
            body.array { _ in }
            body.name("usage")
            body.object { usage in
                for name in ["inputTokens", "outputTokens", "flops", "fullModelTokens", "fullModelFlops"] {
                    usage.member(name, 0)
                }
            }
            body.name("cost")
            body.object { cost in
                cost.member("picoUSD", 0)
                cost.member("fullModelPicoUSD", 0)
            }
        }
        return writer.bytes
    }
}

extension SubmitLine {
    static func acknowledgement(_ id: EventID) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { $0.member("id", id.text) }
        return writer.bytes
    }
}
