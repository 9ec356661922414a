import Synchronization

/// The metrics of the process, rendered as Prometheus text. A second call with the same name and labels returns the
/// same metric.
/// - Source: Prometheus exposition format 0.0.4
public final class Metrics: Sendable {
    public typealias Labels = [(name: String, value: String)]

    private struct Family {
        var type: String
        var help: String
        var series: [(labels: String, source: any MetricSource)] = []
    }

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    public func counter(_ name: String, _ help: String, _ labels: Labels = []) -> Counter {
        register(name, "counter", help, labels) { Counter() }
    }

    public func gauge(_ name: String, _ help: String, _ labels: Labels = []) -> Gauge {
        register(name, "gauge", help, labels) { Gauge() }
    }

    /// - Parameter bounds: the bounds of the buckets, ascending. The first call for a name and labels sets them.
    /// - Units: seconds.
    public func histogram(
        _ name: String, _ help: String, _ labels: Labels = [], bounds: [Double] = Histogram.bounds
    ) -> Histogram {
        register(name, "histogram", help, labels) { Histogram(bounds: bounds) }
    }

    /// Returns a set of series with one name. They are replaced together, and the set may be empty.
    public func samples(_ name: String, _ help: String, type: SampleSet.Kind) -> SampleSet {
        register(name, type.rawValue, help, []) { SampleSet() }
    }

    public func render() -> String {
        families.withLock { families in
            var text = ""
            for (name, family) in families.sorted(by: { $0.key < $1.key }) {
                text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
                for series in family.series { text += series.source.render(name: name, labels: series.labels) }
            }
            return text
        }
    }

    private func register<Metric: MetricSource>(
        _ name: String, _ type: String, _ help: String, _ labels: Labels, _ make: () -> Metric
    ) -> Metric {
        let labels = Self.text(of: labels)
        return families.withLock { families in
            let known = families[name]?.series.first { $0.labels == labels }?.source as? Metric
            if let known { return known }
            let metric = make()
            families[name, default: Family(type: type, help: help)].series.append((labels, metric))
            return metric
        }
    }

    static func text(of labels: Labels) -> String {
        labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

/// A metric that renders its own samples.
protocol MetricSource: AnyObject, Sendable {
    func render(name: String, labels: String) -> String
}

extension MetricSource {
    func sample(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}

/// A counter that only increases.
public final class Counter: MetricSource {
    private let value = Atomic<Int>(0)

    init() {}

    public func increment(by amount: Int = 1) { value.add(amount, ordering: .relaxed) }

    func render(name: String, labels: String) -> String { sample(name, labels, "\(value.load(ordering: .relaxed))") }
}

/// A value that may increase and decrease.
public final class Gauge: MetricSource {
    private let value = Atomic<Int>(0)

    init() {}

    public func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }

    func render(name: String, labels: String) -> String { sample(name, labels, "\(value.load(ordering: .relaxed))") }
}

/// Durations in fixed buckets. - Units: seconds.
public final class Histogram: MetricSource {
    /// From 0.1 ms, an item on a small model, to 30 s, the longest time that a partition may be delayed.
    public static let bounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30,
    ]

    private struct State {
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    /// - Parameter bounds: ascending.
    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: [Int](repeating: 0, count: bounds.count + 1)))
    }

    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let value = Double(seconds) + Double(attoseconds) * 1e-18
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[bucket] += 1
            $0.sum += value
        }
    }

    func render(name: String, labels: String) -> String {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var text = ""
        var cumulative = 0
        for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], counts) {
            cumulative += count
            let bucket = (labels.isEmpty ? "" : labels + ",") + "le=\"\(bound)\""
            text += sample(name + "_bucket", bucket, "\(cumulative)")
        }
        return text + sample(name + "_sum", labels, "\(sum)") + sample(name + "_count", labels, "\(cumulative)")
    }
}

/// The series of one name that are replaced together, such as figures that are read from the database. If they cannot
/// be read, the set is emptied: no sample is better than an outdated one.
public final class SampleSet: MetricSource {
    public enum Kind: String, Sendable { case gauge, counter }

    public typealias Sample = (labels: Metrics.Labels, value: Double)

    private let samples = Mutex<[(labels: String, value: Double)]>([])

    init() {}

    public func replace(with new: [Sample]) {
        let new = new.map { (labels: Metrics.text(of: $0.labels), value: $0.value) }
        samples.withLock { $0 = new }
    }

    func render(name: String, labels: String) -> String {
        samples.withLock { $0 }.map { sample(name, $0.labels, "\($0.value)") }.joined()
    }
}
