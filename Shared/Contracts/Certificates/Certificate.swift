import JSON

/// A dated statement about one small and one full model: of the answers whose confidence reaches the threshold, at
/// least a share 1 - α agrees with the full model's. The statement is true with confidence 1 - δ.
///
/// A certificate covers no other versions of the two models on its route. Other routes of the models may change.
public struct Certificate: Sendable, Equatable {
    /// A share and its 95% interval.
    public struct Estimate: Sendable, Equatable {
        public var value: Double
        public var low: Double
        public var high: Double

        public init(value: Double, low: Double, high: Double) {
            self.value = value
            self.low = low
            self.high = high
        }
    }

    /// The result of comparing the models with labels, where the calibration items had them.
    public struct AccuracyLoss: Sendable, Equatable {
        /// Accepted items that only the full model had right.
        public var lost: Int
        /// Accepted items that only the small model had right.
        public var gained: Int
        /// Upper bound of the share of `lost`, and so of the accuracy loss, with confidence 1 - δ.
        public var bound: Double

        public init(lost: Int, gained: Int, bound: Double) {
            self.lost = lost
            self.gained = gained
            self.bound = bound
        }
    }

    /// The file that the calibration items came from.
    public struct Source: Sendable, Equatable {
        public var file: String
        /// Lower-case hexadecimal.
        public var sha256: String

        public init(file: String, sha256: String) {
            self.file = file
            self.sha256 = sha256
        }
    }

    public var id: ID
    public var route: Route
    /// As `name@version`.
    public var smallModel: String
    public var fullModel: String
    public var alpha: Double
    public var delta: Double
    /// A label counts as the full model's answer if the full model gives it at least this share of the probability of
    /// its best label. At 1, only the best label counts.
    public var tieShare: Double
    /// The model that said whether the answers agree, as `name@version`; `nil` if they were compared without one. The
    /// certificate is only as good as this judge.
    public var judge: String?
    /// The temperature of the calibration. `threshold` is a confidence at this temperature.
    public var temperature: Double
    public var threshold: Double
    /// `threshold` converted to the small model's own confidence. Workers compare with this value.
    public var acceptThreshold: Double
    /// The number of items that the calibration was fitted on. The bound does not use them.
    public var fitted: Int
    /// The number of items that the bound is computed from.
    public var items: Int
    /// The number of `items` that the threshold accepts.
    public var accepted: Int
    /// The number of `accepted` items for which the models disagree.
    public var disagreements: Int
    /// Upper bound of the share of disagreements; at most α.
    public var bound: Double
    /// The expected share of items that escalate.
    public var escalationRate: Estimate
    /// The expected share of the full model's operations that is saved. `nil` if the operations of one of the models are
    /// not known, as those of an endpoint.
    public var saving: Estimate?
    /// `nil` if the calibration items had no labels.
    public var accuracyLoss: AccuracyLoss?
    public var source: Source
    public var certifiedAt: Timestamp
    /// A remark for people who rely on the certificate.
    public var note: String?

    public init(
        id: ID, route: Route, smallModel: String, fullModel: String, alpha: Double, delta: Double,
        tieShare: Double = 1, judge: String? = nil, temperature: Double,
        threshold: Double, acceptThreshold: Double, fitted: Int, items: Int, accepted: Int, disagreements: Int,
        bound: Double,
        escalationRate: Estimate, saving: Estimate?, accuracyLoss: AccuracyLoss? = nil, source: Source,
        certifiedAt: Timestamp, note: String? = nil
    ) {
        self.id = id
        self.route = route
        self.smallModel = smallModel
        self.fullModel = fullModel
        self.alpha = alpha
        self.delta = delta
        self.tieShare = tieShare
        self.judge = judge
        self.temperature = temperature
        self.threshold = threshold
        self.acceptThreshold = acceptThreshold
        self.fitted = fitted
        self.items = items
        self.accepted = accepted
        self.disagreements = disagreements
        self.bound = bound
        self.escalationRate = escalationRate
        self.saving = saving
        self.accuracyLoss = accuracyLoss
        self.source = source
        self.certifiedAt = certifiedAt
        self.note = note
    }

    /// The confidence of each answer that is no label. Nothing says how sure a model is of a text, so a certificate is
    /// about all of its texts, or there is none.
    public static let confidenceOfTexts = 0.5

    public func covers(_ models: ModelPair) -> Bool {
        smallModel == models.small.description && fullModel == models.full.description
            && judge == models.judge?.description
    }
}

extension Certificate {
    /// 16 hexadecimal digits, short enough to type.
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let description: String

        /// - Returns: `nil` unless `text` is 16 lower-case hexadecimal digits.
        public init?(_ text: String) {
            guard text.utf8.count == 16, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else { return nil }
            description = text
        }

        public init(using generator: inout some RandomNumberGenerator) {
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            description = String(repeating: "0", count: 16 - digits.count) + digits
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }
    }
}

extension Certificate {
    /// - Shape: `{"id", "capability", "task", "small", "full", "alpha", "delta", "tieShare", "judge"?, "temperature",
    ///   "threshold", "acceptThreshold", "fitted", "items", "accepted", "disagreements", "bound", "escalationRate":
    ///   {"value", "low", "high"}, "saving"?: {…}, "accuracyLoss"?: {"lost", "gained", "bound"}, "data": {"file",
    ///   "sha256"}, "certifiedAt", "note"?}`
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        write(to: &writer)
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws { self = try Contract.read(bytes) { try Certificate(json: $0) } }

    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("id", id.description)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.member("small", smallModel)
            body.member("full", fullModel)
            body.member("alpha", alpha)
            body.member("delta", delta)
            body.member("tieShare", tieShare)
            body.member("judge", judge)
            body.member("temperature", temperature)
            body.member("threshold", threshold)
            body.member("acceptThreshold", acceptThreshold)
            body.member("fitted", fitted)
            body.member("items", items)
            body.member("accepted", accepted)
            body.member("disagreements", disagreements)
            body.member("bound", bound)
            body.member("escalationRate", escalationRate)
            if let saving { body.member("saving", saving) }
            body.optional("accuracyLoss", accuracyLoss) { writer, loss in
                writer.object { body in
                    body.member("lost", loss.lost)
                    body.member("gained", loss.gained)
                    body.member("bound", loss.bound)
                }
            }
            body.name("data")
            body.object { data in
                data.member("file", source.file)
                data.member("sha256", source.sha256)
            }
            body.member("certifiedAt", certifiedAt.rfc3339)
            body.member("note", note)
        }
    }

    init(json body: JSONValue) throws {
        guard let id = ID(try body.required("id")) else {
            throw ContractError(.wrongType, "id is not a certificate id")
        }
        guard let certifiedAt = Timestamp(rfc3339: try body.required("certifiedAt")) else {
            throw ContractError(.wrongType, "certifiedAt must be an RFC 3339 time")
        }
        guard let data = body["data"] else { throw ContractError(.missingField, "data is missing") }
        self.init(
            id: id, route: try Contract.route(body), smallModel: try body.required("small"),
            fullModel: try body.required("full"), alpha: try body.share("alpha"), delta: try body.share("delta"),
            tieShare: try body.tieShare(), judge: try body.text("judge"),
            temperature: try body.requiredNumber("temperature"), threshold: try body.share("threshold"),
            acceptThreshold: try body.share("acceptThreshold"), fitted: try body.requiredInteger("fitted"),
            items: try body.requiredInteger("items"), accepted: try body.requiredInteger("accepted"),
            disagreements: try body.requiredInteger("disagreements"), bound: try body.share("bound"),
            escalationRate: try Estimate(body["escalationRate"], "escalationRate"),
            saving: try body["saving"].map { try Estimate($0, "saving") },
            accuracyLoss: try body["accuracyLoss"].map { loss in
                AccuracyLoss(
                    lost: try loss.requiredInteger("lost", in: "accuracyLoss"),
                    gained: try loss.requiredInteger("gained", in: "accuracyLoss"),
                    bound: try loss.share("bound", in: "accuracyLoss"))
            },
            source: Source(
                file: try data.required("file", in: "data"), sha256: try data.required("sha256", in: "data")),
            certifiedAt: certifiedAt, note: try body.text("note"))
    }
}

extension Certificate.Estimate {
    init(_ body: JSONValue?, _ path: String) throws {
        guard let body else { throw ContractError(.missingField, "\(path) is missing") }
        // The saving may be negative, so no range is checked.
        self.init(
            value: try body.requiredNumber("value", in: path), low: try body.requiredNumber("low", in: path),
            high: try body.requiredNumber("high", in: path))
    }
}

extension JSONValue {
    /// Returns 1 for messages without the field, such as those written before the field existed.
    func tieShare() throws -> Double {
        guard self["tieShare"] != nil else { return 1 }
        let share = try requiredNumber("tieShare")
        guard share > 0, share <= 1 else {
            throw ContractError(.wrongType, "tieShare must be greater than 0 and at most 1")
        }
        return share
    }

    /// Reads a number from 0 to 1.
    fileprivate func share(_ name: StaticString, in path: String? = nil) throws -> Double {
        let number = try requiredNumber(name, in: path)
        guard (0...1).contains(number) else {
            throw ContractError(.wrongType, "\(Self.path(of: name, in: path)) must be from 0 to 1")
        }
        return number
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: Double) {
        self.name(name)
        double(value)
    }

    fileprivate mutating func member(_ name: String, _ estimate: Certificate.Estimate) {
        self.name(name)
        object { body in
            for (name, share) in [("value", estimate.value), ("low", estimate.low), ("high", estimate.high)] {
                body.name(name)
                body.probability(share)
            }
        }
    }
}
