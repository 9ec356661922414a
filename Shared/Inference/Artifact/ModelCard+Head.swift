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

extension ModelCard {
    struct SplitterSettings: Sendable {
        let buckets: Int
        let window: Int
        /// Forms joined by one space.
        let candidates: [String]
        let temperature: Double
        let threshold: Double
    }
}

extension ModelCard.SplitterSettings {
    init(_ settings: ArtifactJSON) throws(ArtifactError) {
        buckets = try settings.integer("buckets", in: 1...(1 << 24))
        guard buckets & (buckets - 1) == 0 else { throw settings.fault("splitter.buckets is not a power of two") }
        window = try settings.integer("window", in: 1...16)
        candidates = try settings.member("candidates").texts()
        guard candidates.allSatisfy({ !$0.isEmpty && $0.split(separator: " ").count <= 4 }) else {
            throw settings.fault("splitter.candidates are not phrases of one to four words")
        }
        temperature = try settings.member("temperature").positive()
        threshold = try settings.member("threshold").number()
        guard 0 < threshold, threshold < 1 else { throw settings.fault("splitter.threshold is not a probability") }
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
    /// The answer that a row of logits gives.
    /// - Source: infra/models/README.md, From logits to an answer
    func decide(_ logits: some Collection<Float>) -> Decision {
        switch kind {
        case .singleLabel(let gate): single(logits, gate)
        case .multiLabel(let thresholds): multiple(logits, thresholds)
        }
    }

    typealias Decision = (label: String, confidence: Double, rivals: [Prediction.Rival])

    func isSure(_ confidence: Double) -> Bool { sureFrom.map { confidence >= $0 } ?? false }

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
    ///   - best: the one that was given, which is nobody's rival.
    ///   - scale: what the best label's probability is of the given one's.
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
            // the threshold at zero
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
    /// How far a text is read.
    var mostWindows: Int { route.windowRule == .beginning ? 1 : Windows.mostPerText }

    /// How sure the answer to a long text is, to be compared with a threshold.
    ///
    /// Thresholds are of single windows, so each window alone must pass. Where the beginning says what a text is, the
    /// threshold is of beginnings.
    func certainty(_ confidence: Double, windows: [Double], isTruncated: Bool) -> Double {
        switch route.windowRule {
        case .beginning: confidence
        case _ where isTruncated: 0
        case .beginningAnd: confidence
        case .anyFinding, .mean: windows.reduce(confidence, min)
        }
    }

    /// The logits of a text that was read in several windows.
    /// - Parameter rows: each window's logits, in the order of the text; at least one.
    func combine(_ rows: [ArraySlice<Float>]) -> [Float] {
        switch route.windowRule {
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

    /// The probability of the clean label.
    private func cleanness(_ row: ArraySlice<Float>, _ clean: Int) -> Double {
        1 / sum(row, above: Double(row[row.startIndex + clean]), temperature)
    }
}
