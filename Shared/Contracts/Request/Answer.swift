import JSON

/// A model's answer for one item.
public struct Answer: Sendable, Equatable {
    public enum DecidedBy: String, Sendable {
        /// The capability's small model reached the certified confidence.
        case worker
        /// The small model did not, so the full model answered.
        case full
    }

    /// A label. For `decomposition/route`, the routes in order, joined by commas, or `none`.
    public var label: String
    /// Calibrated probability of the label.
    public var confidence: Double
    public var decidedBy: DecidedBy
    /// `name@version`
    public var model: String
    /// Whether the small model was below its threshold and answered only because no budget is left for the full model.
    public var isDegraded: Bool
    /// Whether the item is longer than the model's input, so that the model read only a part of it.
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

    /// The router's label for an item that fits no capability.
    public static let noRoute = "none"

    /// The routes that a routing answer names; empty for `none`.
    public var routes: [Route] { Route.list(in: label) }
}

/// The only codec of answers: messages, stored steps and results all use it.
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
        // Steps stored by earlier builds use `decided_by`.
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

    /// Encodes the answers of a step as the store keeps them. A missing answer is `null`.
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
