import Synchronization

/// Only goes up.
public final class Counter: MetricSource {
    private let value = Atomic<Int>(0)

    init() {}

    public func increment(by amount: Int = 1) { value.add(amount, ordering: .relaxed) }

    func render(name: String, labels: String) -> String { sample(name, labels, "\(value.load(ordering: .relaxed))") }
}

/// Goes up and down.
public final class Gauge: MetricSource {
    private let value = Atomic<Int>(0)

    init() {}

    public func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }

    func render(name: String, labels: String) -> String { sample(name, labels, "\(value.load(ordering: .relaxed))") }
}
