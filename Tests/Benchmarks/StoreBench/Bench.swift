import BuiltInCatalog
import Contracts
import PostgresStore
import Store

/// Runs batches one after the other, and accepts the next batch while the previous one is settled.
struct Bench {
    let accepting: PostgresStore
    let updating: PostgresStore

    func run(batch: Int, count: Int, server: ServerProcess? = nil) async throws -> Figures {
        let clock = ContinuousClock()
        let (cpu, serverCPU) = (ProcessorTime.ofThisProcess, server?.processorTime ?? 0)
        var figures = Figures(batch: batch)
        let start = clock.now
        var accepted = try await accept(batch, &figures.accept)
        while figures.requests < count {
            async let next = timed { try await accepting.accept(Self.arrivals(batch)) }
            let ids = accepted.map(\.snapshot.id)
            let settled = try await timed {
                try await updating.update(ids) { before in before.map { Self.completion(of: $0) } }
            }
            figures.update += settled.time
            figures.requests += settled.result.count { $0.state == .completed }
            let arrived = try await next
            figures.accept += arrived.time
            accepted = arrived.result
        }
        figures.elapsed = clock.now - start
        figures.client = ProcessorTime.ofThisProcess - cpu
        figures.server = server.map { $0.processorTime - serverCPU }
        return figures
    }

    private func accept(_ batch: Int, _ time: inout Duration) async throws -> [Acceptance] {
        let accepted = try await timed { try await accepting.accept(Self.arrivals(batch)) }
        time += accepted.time
        return accepted.result
    }

    private func timed<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> (result: Result, time: Duration) {
        let start = ContinuousClock.now
        let result = try await body()
        return (result, ContinuousClock.now - start)
    }

    /// Two short items each, like a person's sentence.
    private static func arrivals(_ count: Int) -> [Arrival] {
        var generator = SystemRandomNumberGenerator()
        let now = Timestamp.now
        return (0..<count).map { _ in
            let id = Request.ID(acceptedAt: now, using: &generator)
            let items = [
                Item(text: "Please cancel the delivery that was promised for Friday.", span: Item.Span(0, 56)),
                Item(text: "And tell me what the contract says about refunds.", span: Item.Span(57, 106)),
            ]
            let step = Step(
                ordinal: 0, route: Route(.legalServices, "clause-type"), items: items, state: .dispatched)
            return Arrival(
                snapshot: RequestSnapshot(
                    id: id, tenant: .default, eventID: "bench-\(id)", channel: .machine, state: .open,
                    acceptedAt: now, deadline: now.adding(milliseconds: 30_000), progressedAt: now,
                    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", steps: [step]))
        }
    }

    private static func completion(of snapshot: RequestSnapshot) -> RequestChange {
        var step = snapshot.steps[0]
        step.state = .answered
        step.answers = step.items.map { _ in
            Answer(.label("Termination"), confidence: 0.987654, decidedBy: .worker, model: "legal-services@1.0.0")
        }
        let now = Timestamp.now
        let attempt = Attempt(
            number: 1, kind: .worker, model: "legal-services", version: "1.0.0", items: 2,
            usage: TokenUsage(inputTokens: 40, flops: 90_000_000), durationMicros: 1_200, startedAt: now,
            counterfactual: TokenUsage(inputTokens: 40, flops: 900_000_000))
        let entry = LedgerEntry(
            step: Step.ID(request: snapshot.id, ordinal: 0), tenant: snapshot.tenant, route: step.route,
            attempt: attempt, cost: PicoDollars(1_000), counterfactualCost: PicoDollars(12_000))
        return RequestChange(
            request: snapshot.id, state: .completed, updatedSteps: [step], entries: [entry], progressedAt: now)
    }
}
