import Contracts

extension ModelCard {
    /// A task that an encoder was trained for, and how its logits become an answer.
    public struct Head: Sendable {
        public enum Kind: Sendable, Equatable {
            case singleLabel(gate: Gate?)
            /// Each label whose probability reaches its threshold is given.
            case multiLabel(thresholds: [Double])
        }

        /// Decides separately whether a text is out of scope, by the energy of the logits.
        public struct Gate: Sendable, Equatable {
            public let temperature: Double
            public let threshold: Double
            public let scale: Double
            public let label: String
        }

        /// An early exit: a text whose answer is sure enough leaves the model here, and the later layers do not run for
        /// it.
        public struct Exit: Sendable, Equatable {
            /// The number of encoder layers before the exit.
            public let layers: Int
            /// The confidence from which the answer of the exit is final.
            public let from: Double
        }

        public let route: Route
        public let kind: Kind
        public let labels: [String]
        /// The number of encoder layers that the head needs. Later layers do not run for it.
        public let layers: Int
        /// Ordered by layers. Each exit comes before the exits and the head that need more layers.
        public let exits: [Exit]
        /// Longer inputs are cut to this length, which includes `[CLS]` and `[SEP]`.
        public let maxTokens: Int
        public let temperature: Double
        /// The confidence from which the model is sure; `nil` if it never is.
        public let acceptThreshold: Double?
        /// The confidence from which the router is sure that an item fits no task; `nil` if `acceptThreshold` decides
        /// that, too. To overlook an item is another fault than to answer one that nobody asked about.
        public let noRouteThreshold: Double?
        /// Whether the head and its exits know texts that are unlike all that the model was made for.
        /// - Source: infra/decisions/0063-guards.md
        public let hasGuard: Bool
        /// How the windows of a long text are combined. The catalog says it, not the card.
        public internal(set) var windowRule = WindowRule.mean
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
            throw head.fault("\(head.path).exits are not in ascending order of layers below the head's")
        }
        maxTokens = try head.integer("maxTokens", in: 2...encoder.positions)
        temperature = try head.member("temperature").positive()
        acceptThreshold = try head.optional("calibration")?.optional("threshold").map {
            threshold throws(ArtifactError) in
            try threshold.number()
        }
        noRouteThreshold = try head.optional("calibration")?.optional("noRoute")?.optional("threshold").map {
            threshold throws(ArtifactError) in
            try threshold.number()
        }
        hasGuard = head.optional("guard") != nil
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
                throw head.fault("\(head.path).thresholds do not have one probability for each label")
            }
            guard labels.allSatisfy({ !$0.contains(",") }) else {
                throw ArtifactError(.labels, head.file, "\(head.path).labels contain a comma, which joins labels")
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

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ModelCard.Head {
    /// Returns the answer for a row of logits.
    /// - Source: infra/models/README.md, From logits to an answer
    func decide(_ logits: some Collection<Float>) -> Decision {
        switch kind {
        case .singleLabel(let gate): single(logits, gate)
        case .multiLabel(let thresholds): multiple(logits, thresholds)
        }
    }

    typealias Decision = (label: String, confidence: Double, rivals: [Prediction.Rival])

    func isSure(_ confidence: Double, of label: String) -> Bool {
        threshold(of: label).map { confidence >= $0 } ?? false
    }

    /// The confidence from which the model is sure of an answer.
    func threshold(of label: String) -> Double? {
        label == Answer.noRoute ? noRouteThreshold ?? acceptThreshold : acceptThreshold
    }

    private func single(_ logits: some Collection<Float>, _ gate: Gate?) -> Decision {
        var best = 0, peak = -Double.infinity
        for (index, logit) in logits.enumerated() where Double(logit) > peak { (best, peak) = (index, Double(logit)) }
        let probability = 1 / sum(logits, above: peak, temperature)
        guard let gate else { return (labels[best], probability, rivals(logits, of: best, peak)) }
        let energy = peak + gate.temperature * log(sum(logits, above: peak, gate.temperature))
        let outside = sigmoid((gate.threshold - energy) / gate.scale), inside = (1 - outside) * probability
        if inside >= outside {
            let other = outside >= Prediction.leastShare * inside
            return (
                labels[best], inside,
                rivals(logits, of: best, peak)
                    + (other ? [Prediction.Rival(label: gate.label, share: outside / inside)] : [])
            )
        }
        return (gate.label, outside, rivals(logits, of: nil, peak, scale: inside / outside))
    }

    /// - Parameters:
    ///   - best: the index of the given label, which is not a rival; `nil` if the gate's label was given.
    ///   - scale: the best label's probability divided by the given label's.
    private func rivals(
        _ logits: some Collection<Float>, of best: Int?, _ peak: Double, scale: Double = 1
    ) -> [Prediction.Rival] {
        guard scale >= Prediction.leastShare else { return [] }
        let least = peak + temperature * log(Prediction.leastShare / scale)
        return logits.enumerated().compactMap { index, logit in
            guard Double(logit) >= least, index != best else { return nil }
            return Prediction.Rival(label: labels[index], share: scale * exp((Double(logit) - peak) / temperature))
        }
    }

    private func multiple(_ logits: some Collection<Float>, _ thresholds: [Double]) -> Decision {
        var given: [String] = []
        var confidence = 1.0
        for ((logit, threshold), label) in zip(zip(logits, thresholds), labels) {
            // The score is zero at the threshold.
            let score = Double(logit) / temperature - log(threshold / (1 - threshold))
            if score >= 0 { given.append(label) }
            confidence = min(confidence, sigmoid(abs(score)))
        }
        return (given.isEmpty ? "none" : given.joined(separator: ","), confidence, [])
    }

    /// Σ e^((logit - peak) / temperature)
    func sum(_ logits: some Collection<Float>, above peak: Double, _ temperature: Double) -> Double {
        logits.reduce(0) { $0 + exp((Double($1) - peak) / temperature) }
    }
}

func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

extension ModelCard.Head {
    /// The maximum number of windows in which a text is read.
    var mostWindows: Int { windowRule == .beginning ? 1 : Windows.mostPerText }

    /// Returns the certainty of the answer to a long text, for comparison with a threshold.
    ///
    /// Thresholds are calibrated on single windows, so each window must pass on its own. For tasks that read only the
    /// beginning, thresholds are calibrated on beginnings.
    func certainty(_ confidence: Double, windows: [Double], isTruncated: Bool) -> Double {
        switch windowRule {
        case .beginning: confidence
        case _ where isTruncated: 0
        case .beginningAnd: confidence
        case .anyFinding, .mean: windows.reduce(confidence, min)
        }
    }

    /// Combines the logits of a text that was read in several windows.
    /// - Parameter rows: each window's logits, in the order of the text; at least one.
    func combine(_ rows: [ArraySlice<Float>]) -> [Float] {
        switch windowRule {
        case .anyFinding(let clean):
            guard let index = labels.firstIndex(of: clean) else { return mean(rows) }
            return Array(rows.min { cleanness($0, index) < cleanness($1, index) } ?? [])
        case .beginning: return Array(rows.first ?? [])
        case .beginningAnd(let findings):
            var row = Array(rows.first ?? [])
            for (index, label) in labels.enumerated() where findings.contains(label) {
                row[index] = rows.map { $0[$0.startIndex + index] }.max() ?? 0
            }
            return row
        case .mean: return mean(rows)
        }
    }

    private func mean(_ rows: [ArraySlice<Float>]) -> [Float] {
        labels.indices.map { label in rows.reduce(0) { $0 + $1[$1.startIndex + label] } / Float(rows.count) }
    }

    /// Returns the probability of the clean label.
    private func cleanness(_ row: ArraySlice<Float>, _ clean: Int) -> Double {
        1 / sum(row, above: Double(row[row.startIndex + clean]), temperature)
    }
}
