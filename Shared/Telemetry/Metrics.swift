import Synchronization

/// The process's metrics, rendered as Prometheus text. Asking twice for one name and labels gives the same metric.
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

    /// - Parameter bounds: of its buckets, ascending; those of the first call for a name and labels count.
    /// - Units: seconds.
    public func histogram(
        _ name: String, _ help: String, _ labels: Labels = [], bounds: [Double] = Histogram.bounds
    ) -> Histogram {
        register(name, "histogram", help, labels) { Histogram(bounds: bounds) }
    }

    /// Series of one name that are replaced together, and may be none.
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

/// Something that renders its own samples.
protocol MetricSource: AnyObject, Sendable {
    func render(name: String, labels: String) -> String
}

extension MetricSource {
    func sample(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}
