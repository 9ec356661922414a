import Contracts

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
