import Contracts
import Delivery
import MessageBus
import Store

/// Settles steps, dispatches what waited for them, and answers requests that are complete.
///
/// - Consumes: `winnow.outcomes.v1`
/// - Produces: `winnow.results.v1`, `winnow.steps.*`
struct OutcomeHandler: BatchHandler {
    private let source: EventSource
    private let store: any RequestStore
    private let prices: PriceBook
    private let fullModel: String
    private let now: @Sendable () -> Timestamp

    init(
        service: String, store: any RequestStore, fullModel: String, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        source = EventSource(service: service)
        self.store = store
        self.fullModel = fullModel
        self.now = now
        prices = PriceBook(store: store)
    }

    func prepare() async throws { _ = try await prices.current() }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var emitted: [OutgoingRecord] = []
        var outcomes: [Request.ID: [Outcome]] = [:]
        for record in records {
            do throws(ContractError) {
                let event = try StepEvent(record, as: EventType.outcome)
                outcomes[event.request, default: []].append(try event.body(Outcome.init(decoding:)))
            } catch {
                emitted.append(source.deadLetter(record, error))
            }
        }
        guard !outcomes.isEmpty else { return emitted }
        let pricing = try await prices.current()
        let (settled, time, fullModel) = (outcomes, now(), fullModel)
        let snapshots = try await store.update(Array(settled.keys)) { snapshots in
            snapshots.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                for outcome in settled[snapshot.id] ?? [] {
                    progress.apply(outcome, pricing: pricing, fullModel: fullModel)
                }
                return progress.change()
            }
        }
        for snapshot in snapshots {
            let steps = Set((settled[snapshot.id] ?? []).map(\.step))
            emitted += Emission.records(for: snapshot, trigger: .settled(steps), from: source.uri)
        }
        return emitted
    }
}
