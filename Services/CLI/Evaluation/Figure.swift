import FoundationEssentials
import JSON

/// A measured share with its 95% interval.
struct Figure: Equatable {
    var value: Double
    var low: Double
    var high: Double

    /// A proportion with Wilson's score interval.
    /// - Source: Probable inference, the law of succession, and statistical inference, JASA 22 (1927)
    init(successes: Int, of count: Int) {
        guard count > 0 else {
            self.init(value: .nan, low: .nan, high: .nan)
            return
        }
        let z = 1.959963984540054
        let n = Double(count)
        let p = Double(successes) / n
        let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        self.init(value: p, low: max(0, centre - half), high: min(1, centre + half))
    }

    /// A ratio of sums over requests, with a percentile bootstrap interval over them.
    /// - Source: Bootstrap methods, Annals of Statistics 7 (1979)
    init(ratio pairs: [(part: Double, whole: Double)], using generator: inout some RandomNumberGenerator) {
        func ratio(_ pairs: some Sequence<(part: Double, whole: Double)>) -> Double {
            let sums = pairs.reduce((0.0, 0.0)) { ($0.0 + $1.part, $0.1 + $1.whole) }
            return sums.1 > 0 ? sums.0 / sums.1 : .nan
        }
        guard !pairs.isEmpty else {
            self.init(value: .nan, low: .nan, high: .nan)
            return
        }
        let resampled = (0..<1000)
            .map { _ in ratio(pairs.indices.map { _ in pairs[Int.random(in: pairs.indices, using: &generator)] }) }
            .sorted()
        self.init(value: ratio(pairs), low: resampled[25], high: resampled[974])
    }

    init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }

    func write(to writer: inout JSONWriter) {
        writer.object { body in
            for (name, number) in [("value", value), ("low", low), ("high", high)] {
                body.name(name)
                body.probability(number)
            }
        }
    }

    /// `97.3 [96.6, 97.8]`, in percent.
    var text: String {
        func percent(_ share: Double) -> String { share.isNaN ? "-" : "\((share * 1000).rounded() / 10)" }
        return "\(percent(value)) [\(percent(low)), \(percent(high))]"
    }
}
