import Contracts
import Lifecycle
import Store
import Telemetry

/// Publishes the metrics of the whole suite. Each aggregator reads them from Postgres twice a minute, however often it
/// is scraped. All aggregators report the same figures, so a query must take their maximum and not their sum.
struct SuiteMetrics: Service {
    private let source: any SuiteFiguresSource
    private let logger: Logger
    private let interval: Duration
    private let now: @Sendable () -> Timestamp
    private let open: SampleSet
    private let oldest: SampleSet
    private let waiting: SampleSet
    private let cost: SampleSet

    init(
        source: any SuiteFiguresSource, metrics: Metrics, logger: Logger, interval: Duration = .seconds(30),
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.source = source
        self.logger = logger
        self.interval = interval
        self.now = now
        open = metrics.samples("winnow_open_requests", "Accepted requests that are not final yet.", type: .gauge)
        oldest = metrics.samples(
            "winnow_oldest_open_request_age_seconds", "Time since the oldest open request was accepted.", type: .gauge
        )
        waiting = metrics.samples(
            "winnow_waiting_requests", "Requests that wait in Postgres for their turn.", type: .gauge)
        cost = metrics.samples("winnow_cost_usd_total", "Cost of model calls, by kind of call.", type: .counter)
    }

    func run() async throws {
        repeat { await refresh() } while await sleepUnlessShutDown(for: interval)
    }

    func refresh() async {
        do {
            publish(try await source.suiteFigures())
        } catch {
            for metric in [open, oldest, waiting, cost] { metric.replace(with: []) }
            logger.warning("The suite's metrics cannot be read", metadata: [LogKeys.errorMessage: "\(error)"])
        }
    }

    private func publish(_ figures: SuiteFigures) {
        let time = now()
        let lanes = figures.requests.sorted { $0.key.rawValue < $1.key.rawValue }
        func byLane(_ value: (SuiteFigures.Requests) -> Double) -> [SampleSet.Sample] {
            lanes.map { (labels: [(name: "lane", value: $0.key.rawValue)], value: value($0.value)) }
        }
        open.replace(with: byLane { Double($0.open) })
        waiting.replace(with: byLane { Double($0.waiting) })
        oldest.replace(
            with: byLane { requests in
                requests.oldestAcceptedAt.map { Double(max(0, time.milliseconds - $0.milliseconds)) / 1000 } ?? 0
            })
        cost.replace(
            with: figures.costs.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, cost in
                (labels: [(name: "kind", value: kind.rawValue)], value: Double(cost.amount) / 1e12)
            })
    }
}
