import Contracts
import JSON

/// A decoded result. Members that are missing in the JSON are `nil`, empty or zero.
/// - Shape: the JSON of infra/docs/integrate.md.
public struct RequestResult: Sendable {
    /// One text of a step, and its answer.
    public struct Item: Sendable {
        public let text: String
        /// The answer; `nil` if there is none.
        public let output: Answer.Output?
        /// The answer, if it is a label.
        public var label: String? { output?.label }
        /// - Units: from 0 to 1.
        public let confidence: Double?
        /// Which model answered.
        public let decidedBy: Answer.DecidedBy?
        /// Whether the small model's guess stands in for an answer that the budget did not allow.
        public let isDegraded: Bool
        /// Whether the model read only a part of the text.
        public let isTruncated: Bool
        public let isUnfamiliar: Bool
    }

    /// One step of the request, with its items in the order of the request.
    public struct Step: Sendable {
        public let route: Route
        /// For example `answered` or `failed`.
        public let status: String
        public let items: [Item]
    }

    /// The event id that the client gave.
    public let id: String
    /// `completed`, `rejected`, `failed`, `expired` or `cancelled`.
    public let status: String
    /// Why the request was not completed, as `code: message`. It contains no payload.
    public let error: String?
    public let steps: [Step]
    /// What the models computed for the request. - Units: operations.
    public let flops: Int
    /// What the full model alone would have computed. - Units: operations.
    public let fullModelFlops: Int
    /// What the request cost.
    public let cost: PicoDollars
    /// What the full model alone would have cost.
    public let fullModelCost: PicoDollars

    /// - Parameter bytes: a result's JSON, as `Results.Element.body`.
    /// - Throws: `JSONError`
    public init(_ bytes: [UInt8]) throws {
        self = try JSONDocument.read(bytes) { root in
            let usage = root["usage"]
            let cost = root["cost"]
            return RequestResult(
                id: root["id"]?.string ?? "", status: root["status"]?.string ?? "", error: root["error"]?.string,
                steps: root["steps"]?.map(Self.step) ?? [], flops: usage?["flops"]?.integer ?? 0,
                fullModelFlops: usage?["fullModelFlops"]?.integer ?? 0,
                cost: PicoDollars(Int64(cost?["picoUSD"]?.integer ?? 0)),
                fullModelCost: PicoDollars(Int64(cost?["fullModelPicoUSD"]?.integer ?? 0)))
        }
    }

    public var isCompleted: Bool { status == "completed" }

    /// Whether the suite refused the request, so that nothing was computed.
    public var isRejected: Bool { status == "rejected" }

    /// Reads only the request's id.
    static func id(of bytes: [UInt8]) throws -> EventID? {
        try JSONDocument.read(bytes) { $0["id"]?.string.map { EventID($0) } }
    }

    private init(
        id: String, status: String, error: String?, steps: [Step], flops: Int, fullModelFlops: Int, cost: PicoDollars,
        fullModelCost: PicoDollars
    ) {
        self.id = id
        self.status = status
        self.error = error
        self.steps = steps
        self.flops = flops
        self.fullModelFlops = fullModelFlops
        self.cost = cost
        self.fullModelCost = fullModelCost
    }

    private static func step(_ value: JSONValue) -> Step {
        Step(
            route: Route(
                Capability(rawValue: value["capability"]?.string ?? ""), value["task"]?.string ?? ""),
            status: value["status"]?.string ?? "",
            items: value["items"]?.map { item in
                Item(
                    text: item["text"]?.string ?? "", output: try? Answer.Output(memberOf: item, in: "items"),
                    confidence: item["confidence"]?.double,
                    decidedBy: item["decidedBy"]?.string.flatMap(Answer.DecidedBy.init(rawValue:)),
                    isDegraded: item["degraded"]?.bool ?? false,
                    isTruncated: item["truncated"]?.bool ?? false, isUnfamiliar: item["unfamiliar"]?.bool ?? false)
            } ?? [])
    }
}

extension RequestResult {
    /// Returns the result of a request that was not sent, in the suite's format.
    public static func rejection(of id: EventID, _ error: ContractError) -> [UInt8] {
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
