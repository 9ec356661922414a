import JSON

/// A model's answer for one item.
public struct Answer: Sendable, Equatable {
    /// What the model said.
    public enum Output: Hashable, Sendable {
        /// One of the task's labels, or `unsupported_language`. For `decomposition/route`, the routes in order, joined
        /// by commas, or `none`.
        case label(String)
        case text(String)
        /// The text of a JSON value.
        case json(String)
    }

    /// How the confidence is known.
    public enum Evidence: String, Sendable {
        /// A probability that the model computed.
        case measured
        /// The share of several independent answers that agree with this one.
        case sampled
        /// A number that the model says of itself. It proves nothing.
        case selfReported
        /// There is no confidence.
        case none

        /// Whether a certificate may rest on it.
        public var isCertifiable: Bool { self == .measured || self == .sampled }
    }

    public enum DecidedBy: String, Sendable {
        /// The task's small model reached the certified confidence.
        case worker
        /// The small model did not, and the middle model reached the confidence of its own certificate.
        case middle
        /// No other model did, so the full model answered.
        case full
    }

    public var output: Output
    /// From 0 to 1; 0 if there is no evidence.
    public var confidence: Double
    public var evidence: Evidence
    public var decidedBy: DecidedBy
    /// `name@version`
    public var model: String
    /// Whether the small model was below its threshold and answered only because no budget is left for the full model.
    public var isDegraded: Bool
    /// Whether the item is longer than the model's input, so that the model read only a part of it, or whether the
    /// answer ends only because it reached its limit of tokens.
    public var isTruncated: Bool
    /// Whether the text is unlike all that the model was made for, as its guard says.
    public var isUnfamiliar: Bool

    public init(
        _ output: Output, confidence: Double, evidence: Evidence = .measured, decidedBy: DecidedBy, model: String,
        isDegraded: Bool = false, isTruncated: Bool = false, isUnfamiliar: Bool = false
    ) {
        self.output = output
        self.confidence = confidence
        self.evidence = evidence
        self.decidedBy = decidedBy
        self.model = model
        self.isDegraded = isDegraded
        self.isTruncated = isTruncated
        self.isUnfamiliar = isUnfamiliar
    }

    /// The router's label for an item that fits no capability.
    public static let noRoute = "none"

    /// The label of an item in a language that nobody was cut for, whatever kind of answer its task has.
    public static let unsupportedLanguage = "unsupported_language"

    /// Labels that no task may have.
    public static let reservedLabels = [noRoute, unsupportedLanguage]

    /// Says that nobody was asked, since nobody was cut for the item's language. No model is sure of it, so it
    /// certifies nothing.
    public static let inUnsupportedLanguage = Answer(
        .label(unsupportedLanguage), confidence: 0, evidence: .none, decidedBy: .worker, model: "none")

    public var isInUnsupportedLanguage: Bool { label == Self.unsupportedLanguage }

    /// - Returns: `nil` for a text or a JSON value.
    public var label: String? { output.label }

    /// The routes that a routing answer names; empty for `none`.
    public var routes: [Route] { label.map { Route.list(in: $0) } ?? [] }
}

extension Answer.Output {
    public var kind: AnswerKind {
        switch self {
        case .label: .label
        case .text: .text
        case .json: .json
        }
    }

    public var label: String? { if case .label(let label) = self { label } else { nil } }

    /// - Shape: `{"kind": "label", "label"}`, `{"kind": "text", "text"}` or `{"kind": "json", "json"}`
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("kind", kind.rawValue)
            switch self {
            case .label(let label): body.member("label", label)
            case .text(let text): body.member("text", text)
            case .json(let json):
                body.name("json")
                body.raw(json)
            }
        }
    }

    /// Writes the member `label` for a label, and otherwise the member `output`.
    func writeMember(to body: inout JSONWriter) {
        if case .label(let label) = self { return body.member("label", label) }
        body.name("output")
        write(to: &body)
    }

    /// Reads what an answer says, from the object of the answer: the member `output`, or else `label`.
    /// - Throws: `ContractError`
    public init(memberOf value: JSONValue, in path: String) throws {
        guard let output = value["output"] else {
            self = .label(try value.required("label", in: path))
            return
        }
        try self.init(json: output, path: "\(path).output")
    }

    private init(json value: JSONValue, path: String) throws {
        switch AnswerKind(rawValue: try value.required("kind", in: path)) {
        case .label: self = .label(try value.required("label", in: path))
        case .text: self = .text(try value.required("text", in: path))
        case .json:
            var writer = JSONWriter()
            // A member that is `null` reads like a missing one.
            if let json = value["json"] { writer.value(json) } else { writer.null() }
            self = .json(writer.text)
        case .transcript, nil:
            throw ContractError(.wrongType, "\(path).kind must be \"label\", \"text\" or \"json\"")
        }
    }
}

/// The only codec of answers: messages, stored steps and results all use it.
extension Answer {
    public func write(to writer: inout JSONWriter) {
        writer.object { writeMembers(to: &$0) }
    }

    /// - Parameter isForClients: a client finds what the model said at one place for all kinds. Messages of services and
    ///   stored steps leave it out for labels.
    public func writeMembers(to body: inout JSONWriter, isForClients: Bool = false) {
        output.writeMember(to: &body)
        if label != nil, isForClients {
            body.name("output")
            output.write(to: &body)
        }
        if evidence != .none {
            body.name("confidence")
            body.probability(confidence)
        }
        if evidence != .measured { body.member("evidence", evidence.rawValue) }
        body.member("decidedBy", decidedBy.rawValue)
        body.member("model", model)
        if isDegraded { body.member("degraded", true) }
        if isTruncated { body.member("truncated", true) }
        if isUnfamiliar { body.member("unfamiliar", true) }
    }

    public init(json value: JSONValue) throws {
        // Steps stored by earlier builds use `decided_by`.
        let name = value["decidedBy"] == nil ? try value.text("decided_by", in: "answers") : nil
        guard let decidedBy = DecidedBy(rawValue: try name ?? value.required("decidedBy", in: "answers")) else {
            throw ContractError(.wrongType, "answers.decidedBy must be \"worker\", \"middle\" or \"full\"")
        }
        guard let evidence = try value.text("evidence", in: "answers").map(Evidence.init) ?? .measured else {
            throw ContractError(.wrongType, "answers.evidence is unknown")
        }
        self.init(
            try Output(memberOf: value, in: "answers"),
            confidence: try value.number("confidence", in: "answers") ?? 0, evidence: evidence, decidedBy: decidedBy,
            model: try value.required("model", in: "answers"), isDegraded: value["degraded"]?.bool ?? false,
            isTruncated: value["truncated"]?.bool ?? false, isUnfamiliar: value["unfamiliar"]?.bool ?? false)
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
