import Contracts

extension ModelCard {
    /// One question that an encoder was trained for, and how its logits become an answer.
    public struct Head: Sendable {
        public enum Kind: Sendable, Equatable {
            case singleLabel(gate: Gate?)
            /// A label is given when its probability reaches its threshold.
            case multiLabel(thresholds: [Double])
        }

        /// Out-of-scope as a decision of its own, on the energy of the logits.
        public struct Gate: Sendable, Equatable {
            public let temperature: Double
            public let threshold: Double
            public let scale: Double
            public let label: String
        }

        /// Where a text whose answer is sure already leaves, and the layers behind are not run for it.
        public struct Exit: Sendable, Equatable {
            /// After so many of the encoder's it reads.
            public let layers: Int
            /// From which confidence on its answer stands.
            public let from: Double
        }

        public let route: Route
        public let kind: Kind
        public let labels: [String]
        /// After so many of the encoder's it reads; the others are not run for it.
        public let layers: Int
        /// By layers, each before those that the head reads after.
        public let exits: [Exit]
        /// A longer input is cut to it, `[CLS]` and `[SEP]` included.
        public let maxTokens: Int
        public let temperature: Double
        /// From which confidence on the model is sure; `nil`: never.
        public let sureFrom: Double?
    }
}

extension ModelCard.Head {
    init(_ head: ArtifactJSON, _ encoder: ModelCard.Encoder) throws(ArtifactError) {
        let capability = try head.member("capability").text(), task = try head.member("task").text()
        guard let route = Route("\(capability)/\(task)") else {
            throw head.fault("\(head.path): capability and task do not make a route")
        }
        self.route = route
        labels = try head.member("labels").texts()
        guard !labels.isEmpty, Set(labels).count == labels.count, labels.allSatisfy({ !$0.isEmpty }) else {
            throw ArtifactError(.labels, head.file, "\(head.path).labels are not distinct names")
        }
        layers =
            try head.optional("layers").map { _ throws(ArtifactError) in
                try head.integer("layers", in: 0...encoder.layers)
            } ?? encoder.layers
        exits =
            try head.optional("exits")?.elements().map { exit throws(ArtifactError) in
                try ModelCard.Head.Exit(exit)
            } ?? []
        guard zip(exits.map(\.layers), exits.dropFirst().map(\.layers) + [layers]).allSatisfy(<) else {
            throw head.fault("\(head.path).exits do not read after ever more layers, the head after the most")
        }
        maxTokens = try head.integer("maxTokens", in: 2...encoder.positions)
        temperature = try head.member("temperature").positive()
        sureFrom = try head.optional("calibration")?.optional("threshold").map { threshold throws(ArtifactError) in
            try threshold.number()
        }
        kind = try Kind(head, labels: labels)
    }
}

extension ModelCard.Head.Exit {
    init(_ exit: ArtifactJSON) throws(ArtifactError) {
        layers = try exit.integer("layers", in: 0...48)
        from = try exit.member("from").number()
        guard 0 < from, from <= 1 else { throw exit.fault("\(exit.path).from is not a probability") }
    }
}

extension ModelCard.Head.Kind {
    init(_ head: ArtifactJSON, labels: [String]) throws(ArtifactError) {
        switch try head.member("kind").text() {
        case "single-label":
            self = .singleLabel(
                gate: try head.optional("gate").map { gate throws(ArtifactError) in try ModelCard.Head.Gate(gate) })
        case "multi-label":
            let thresholds = try head.member("thresholds").elements().map { element throws(ArtifactError) in
                try element.number()
            }
            guard thresholds.count == labels.count, thresholds.allSatisfy({ 0 < $0 && $0 < 1 }) else {
                throw head.fault("\(head.path).thresholds are not one probability a label")
            }
            guard labels.allSatisfy({ !$0.contains(",") }) else {
                throw ArtifactError(.labels, head.file, "\(head.path).labels hold a comma, which joins them")
            }
            self = .multiLabel(thresholds: thresholds)
        default:
            throw head.fault("\(head.path).kind is neither single-label nor multi-label")
        }
    }
}

extension ModelCard.Head.Gate {
    init(_ gate: ArtifactJSON) throws(ArtifactError) {
        guard try gate.member("kind").text() == "energy" else {
            throw ArtifactError(.unsupported, gate.file, "\(gate.path).kind is not energy")
        }
        temperature = try gate.member("temperature").positive()
        threshold = try gate.member("threshold").number()
        scale = try gate.member("scale").positive()
        label = try gate.member("label").text()
    }
}
