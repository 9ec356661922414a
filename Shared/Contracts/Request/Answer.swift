import JSON

/// What a model said of one item.
public struct Answer: Sendable, Equatable {
    public enum DecidedBy: String, Sendable {
        /// The capability's small model was sure.
        case worker
        /// It was not; the full model answered.
        case full
    }

    /// A label; for `decomposition/route` the routes in their order joined by a comma, or `none`.
    public var label: String
    /// Calibrated probability of the label.
    public var confidence: Double
    public var decidedBy: DecidedBy
    /// `name@version`
    public var model: String
    /// Whether the small model was not sure, and answers only as there is no budget left for the full one.
    public var isDegraded: Bool
    /// Whether the item is longer than what the model reads of it: the rest was not looked at.
    public var isTruncated: Bool

    public init(
        label: String, confidence: Double, decidedBy: DecidedBy, model: String, isDegraded: Bool = false,
        isTruncated: Bool = false
    ) {
        self.label = label
        self.confidence = confidence
        self.decidedBy = decidedBy
        self.model = model
        self.isDegraded = isDegraded
        self.isTruncated = isTruncated
    }

    /// The router's word for an item that no capability fits.
    public static let noRoute = "none"
}

/// The one codec of answers: messages, stored steps and results all hold what it writes.
extension Answer {
    public func write(to writer: inout JSONWriter) {
        writer.object { writeMembers(to: &$0) }
    }

    public func writeMembers(to body: inout JSONWriter) {
        body.member("label", label)
        body.name("confidence")
        body.probability(confidence)
        body.member("decidedBy", decidedBy.rawValue)
        body.member("model", model)
        if isDegraded { body.member("degraded", true) }
        if isTruncated { body.member("truncated", true) }
    }

    public init(json value: JSONValue) throws {
        // Steps that an earlier build stored hold `decided_by`.
        let name = value["decidedBy"] == nil ? try value.text("decided_by", in: "answers") : nil
        guard let decidedBy = DecidedBy(rawValue: try name ?? value.required("decidedBy", in: "answers")) else {
            throw ContractError(.wrongType, "answers.decidedBy must be \"worker\" or \"full\"")
        }
        self.init(
            label: try value.required("label", in: "answers"),
            confidence: try value.number("confidence", in: "answers") ?? 0, decidedBy: decidedBy,
            model: try value.required("model", in: "answers"), isDegraded: value["degraded"]?.bool ?? false,
            isTruncated: value["truncated"]?.bool ?? false)
    }

    /// The answers of a step as they are stored; `null` where there is none yet.
    public static func encode(_ answers: [Answer?]) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 128 * answers.count)
        writer.write(answers)
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public static func decode(_ bytes: some Sequence<UInt8>) throws -> [Answer?] {
        try Contract.readList(bytes) { $0.isNull ? nil : try Answer(json: $0) }
    }
}

extension JSONWriter {
    mutating func write(_ answers: [Answer?]) {
        array(answers) { writer, answer in
            if let answer { answer.write(to: &writer) } else { writer.null() }
        }
    }

    mutating func write(_ attempts: [Attempt]) {
        array(attempts) { writer, attempt in attempt.write(to: &writer) }
    }
}
