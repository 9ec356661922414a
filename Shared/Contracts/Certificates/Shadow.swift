import JSON

/// A sample of items that a worker has answered. The full model answers them as well, in the background, to measure
/// whether the two models still agree. No result waits for a shadow.
public struct Shadow: Sendable, Equatable {
    public struct Item: Sendable, Equatable {
        /// The index of the item in its step.
        public var index: Int
        public var text: String
        /// The worker's answer.
        public var output: Answer.Output
        public var confidence: Double

        public init(index: Int, text: String, output: Answer.Output, confidence: Double) {
            self.index = index
            self.text = text
            self.output = output
            self.confidence = confidence
        }
    }

    public var step: Int
    public var route: Route
    public var items: [Item]
    /// As `name@version`.
    public var smallModel: String
    /// The certificate that allowed the worker to answer.
    public var certificate: Certificate.ID
    /// Copied from the certificate: the share of the best label's probability from which a label counts as the full
    /// model's answer.
    public var tieShare: Double
    /// The probability with which each item of the capability is drawn. Its inverse is the item's weight.
    public var probability: Double
    public var decidedAt: Timestamp

    public init(
        step: Int, route: Route, items: [Item], smallModel: String, certificate: Certificate.ID, tieShare: Double = 1,
        probability: Double, decidedAt: Timestamp
    ) {
        self.step = step
        self.route = route
        self.items = items
        self.smallModel = smallModel
        self.certificate = certificate
        self.tieShare = tieShare
        self.probability = probability
        self.decidedAt = decidedAt
    }

    /// - Shape: `{"step", "capability", "task", "items": [{"index", "text", "label"|"output", "confidence"}], "smallModel",
    ///   "certificate", "tieShare", "probability", "decidedAt"}`
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.object { body in
            body.member("step", step)
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            body.name("items")
            body.array(items) { writer, item in
                writer.object {
                    $0.member("index", item.index)
                    $0.member("text", item.text)
                    item.output.writeMember(to: &$0)
                    $0.name("confidence")
                    $0.probability(item.confidence)
                }
            }
            body.member("smallModel", smallModel)
            body.member("certificate", certificate.description)
            body.name("tieShare")
            body.double(tieShare)
            body.name("probability")
            body.double(probability)
            body.member("decidedAt", decidedAt.milliseconds)
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            guard let certificate = Certificate.ID(try body.required("certificate")) else {
                throw ContractError(.wrongType, "certificate is not a certificate id")
            }
            let probability = try body.requiredNumber("probability")
            guard probability > 0, probability <= 1 else {
                throw ContractError(.wrongType, "probability must be greater than 0 and at most 1")
            }
            return Shadow(
                step: try Contract.step(body), route: try Contract.route(body),
                items: try body.list("items") { item in
                    Item(
                        index: try item.requiredInteger("index", in: "items", within: 0...Int(Int16.max)),
                        text: try item.required("text", in: "items"),
                        output: try Answer.Output(memberOf: item, in: "items"),
                        confidence: try item.requiredNumber("confidence", in: "items"))
                },
                smallModel: try body.required("smallModel"), certificate: certificate, tieShare: try body.tieShare(),
                probability: probability,
                decidedAt: try body.requiredTime("decidedAt"))
        }
    }
}
