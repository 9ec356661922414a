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
