import JSON

/// A measured value with its 95% interval.
public struct Figure: Equatable, Sendable {
    public let value: Double
    public let low: Double
    public let high: Double

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
        self.init(ratio(pairs), drawn: resampled)
    }

    /// With the middle 95% of the drawn values as the interval.
    init(_ value: Double, drawn: [Double]) {
        let sorted = drawn.sorted()
        guard !sorted.isEmpty else {
            self.init(value: value, low: .nan, high: .nan)
            return
        }
        let tail = sorted.count / 40
        self.init(value: value, low: sorted[tail], high: sorted[sorted.count - 1 - tail])
    }

    init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }

    /// - Parameter number: writes one number; as a share by default.
    func write(
        to writer: inout JSONWriter, _ number: (inout JSONWriter, Double) -> Void = { $0.probability($1) }
    ) {
        writer.object { body in
            for (name, value) in [("value", value), ("low", low), ("high", high)] {
                body.name(name)
                number(&body, value)
            }
        }
    }

    /// `97.3 [96.6, 97.8]`, in percent.
    public var text: String { text { $0.isNaN ? "-" : $0.percent } }

    /// `value [low, high]`, each written by `number`.
    public func text(_ number: (Double) -> String) -> String { "\(number(value)) [\(number(low)), \(number(high))]" }
}

extension Double {
    /// A share in percent, as `97.3`.
    public var percent: String { "\((self * 1000).rounded() / 10)" }
}
