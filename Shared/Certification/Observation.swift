import JSON

/// What both models made of one item; nothing of its text but a hash.
public struct Observation: Sendable, Equatable {
    /// Whose label was the true one.
    public struct Right: Sendable, Equatable {
        public var small: Bool
        public var full: Bool

        public init(small: Bool, full: Bool) { (self.small, self.full) = (small, full) }
    }

    /// The text's `ItemHash`.
    public var hash: UInt64
    /// The small model's.
    public var confidence: Double
    public var agrees: Bool
    /// `nil` where nobody has labelled the item.
    public var right: Right?

    public init(hash: UInt64, confidence: Double, agrees: Bool, right: Right? = nil) {
        self.hash = hash
        self.confidence = confidence
        self.agrees = agrees
        self.right = right
    }

    /// - Shape: `{"hash", "confidence", "agrees", "smallRight"?, "fullRight"?}`, `hash` in hexadecimal
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.object { body in
            body.member("hash", String(hash, radix: 16))
            body.name("confidence")
            body.double(confidence)
            body.member("agrees", agrees)
            if let right {
                body.member("smallRight", right.small)
                body.member("fullRight", right.full)
            }
        }
        return writer.bytes
    }

    /// - Returns: `nil` for what is no observation.
    public init?(decoding bytes: some Collection<UInt8>) {
        let read = try? JSONDocument.read(Array(bytes)) { body -> Observation? in
            guard let hash = body["hash"]?.string.flatMap({ UInt64($0, radix: 16) }),
                let confidence = body["confidence"]?.double, let agrees = body["agrees"]?.bool
            else { return nil }
            var right: Right?
            if let small = body["smallRight"]?.bool, let full = body["fullRight"]?.bool {
                right = Right(small: small, full: full)
            }
            return Observation(hash: hash, confidence: confidence, agrees: agrees, right: right)
        }
        guard let observation = read ?? nil else { return nil }
        self = observation
    }
}
