import Synchronization

/// Series of one name that are replaced together, such as figures that were read from elsewhere. With none of them the metric
/// says nothing, which is better than an old figure.
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
