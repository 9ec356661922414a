import Contracts
import Store
import Synchronization
import Telemetry
import Testing

@testable import Aggregator

@Suite struct SuiteMetricsTests {
    private final class Source: SuiteFiguresSource {
        private let figures: Mutex<SuiteFigures?>

        init(_ figures: SuiteFigures?) { self.figures = Mutex(figures) }

        func set(_ new: SuiteFigures?) { figures.withLock { $0 = new } }

        func suiteFigures() async throws -> SuiteFigures {
            guard let figures = figures.withLock({ $0 }) else {
                throw StoreError(.unavailable, "away", isRetriable: true)
            }
            return figures
        }
    }

    @Test func `figures of the suite are published, and vanish when they cannot be read`() async {
        let metrics = Metrics()
        let now = Timestamp(milliseconds: 1_790_000_000_000)
        let source = Source(
            SuiteFigures(
                requests: [
                    .interactive: .init(open: 3, oldestAcceptedAt: now.adding(milliseconds: -1500), waiting: 7),
                    .bulk: .init(),
                ], costs: [.full: PicoDollars(2_500_000_000_000)]))
        let suite = SuiteMetrics(
            source: source, metrics: metrics, logger: Logger(service: "test", sink: { _ in }), now: { now })
        await suite.refresh()
        let text = metrics.render()
        #expect(text.contains(#"winnow_open_requests{lane="interactive"} 3.0"#), "\(text)")
        #expect(text.contains(#"winnow_open_requests{lane="bulk"} 0.0"#))
        #expect(text.contains(#"winnow_waiting_requests{lane="interactive"} 7.0"#))
        #expect(text.contains(#"winnow_oldest_open_request_age_seconds{lane="interactive"} 1.5"#))
        #expect(text.contains(#"winnow_cost_usd_total{kind="full"} 2.5"#))
        source.set(nil)
        await suite.refresh()
        #expect(!metrics.render().contains("{"))
    }
}
