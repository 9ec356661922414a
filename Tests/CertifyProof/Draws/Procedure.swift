import Certification

/// Procedures that choose a threshold from calibration items.
enum Procedure: Int, CaseIterable {
    /// The procedure of `winnow certify`.
    case fixedSequence
    /// The loosest threshold whose own bound holds. Many thresholds are tried, without a correction for that.
    case bestBound
    /// The loosest threshold with few enough errors on the calibration items.
    case bestOnValidation

    var name: String {
        switch self {
        case .fixedSequence: "fixed sequence"
        case .bestBound: "best that passes the bound"
        case .bestOnValidation: "best on validation"
        }
    }

    /// - Returns: `nil` if everything escalates.
    func threshold(_ calibration: [Observation], _ promise: Promise) -> Double? {
        switch self {
        case .fixedSequence:
            let count = calibration.count / 10
            let finding = Certifier(promise).certify(
                fitting: Array(calibration.prefix(count)), bounding: Array(calibration.dropFirst(count)))
            guard case .certified(let certified) = finding else { return nil }
            return certified.acceptThreshold
        case .bestBound:
            return loosest(calibration) { tally in
                ClopperPearson.isBelow(
                    promise.alpha, tally.disagreements, of: tally.accepted, confidence: 1 - promise.delta)
            }
        case .bestOnValidation:
            return loosest(calibration) { $0.rate <= promise.alpha }
        }
    }

    /// A hundred thresholds, each of which accepts a hundredth more items.
    private func loosest(_ calibration: [Observation], _ passes: (Tally) -> Bool) -> Double? {
        let ranked = calibration.map(\.confidence).sorted(by: >)
        let thresholds = (1...100).map { ranked[max(0, $0 * ranked.count / 100 - 1)] }
        let tallies = Tally.counts(calibration, at: thresholds)
        return tallies.lastIndex(where: passes).map { thresholds[$0] }
    }
}
