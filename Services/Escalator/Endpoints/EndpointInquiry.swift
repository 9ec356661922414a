import Contracts
import MessageBus
import ModelEndpoint
import Models
import Planning
import Store
import Synchronization

/// Asks an endpoint about the open items of a step, in calls of a few items each.
///
/// Every answer is kept as soon as it is paid for, so a step that is delivered again only asks for what is missing.
struct EndpointInquiry: Sendable {
    typealias OpenItem = Escalation.OpenItem

    /// What came of the items of a call.
    indirect enum Reply: Sendable {
        /// One answer per item.
        case answered([Answer])
        case refused(Budget)
        case failed(ModelError)
        /// The step is expired or cancelled.
        case over
    }

    /// Items that are asked about together.
    private struct Chunk: Sendable {
        let items: [OpenItem]
        let question: QuestionDigest

        init(_ items: [OpenItem], of kind: Attempt.Kind) {
            self.items = items
            question = QuestionDigest(items, of: kind)
        }
    }

    /// What has come of the chunks of a step, by their places.
    private final class Replies: Sendable {
        private let replies = Mutex<[Int: Result<Reply, any Error>]>([:])

        subscript(place: Int) -> Result<Reply, any Error>? {
            get { replies.withLock { $0[place] } }
            set { replies.withLock { $0[place] = newValue } }
        }
    }

    let endpoint: FullEndpoint
    /// `.full`, or `.worker` for a small model.
    let kind: Attempt.Kind
    let ledger: EndpointLedger
    /// `Catalog.firstReservedNumber`
    let firstNumber: Int
    /// Whether the step is expired or cancelled.
    let isOver: @Sendable () -> Bool
    /// Notes in the rows of a call, before they are settled, what its answers are worth.
    var note: @Sendable (inout [LedgerEntry], [OpenItem], [Answer]) -> Void = { _, _, _ in }

    /// - Throws: errors of the ledger.
    func replies(to step: EscalatedStep) async throws -> [(items: [OpenItem], reply: Reply)] {
        guard !step.escalation.open.isEmpty else { return [] }
        let chunks = endpoint.chunks(step.escalation.open).map { Chunk($0, of: kind) }
        let kept = try await ledger.recover(step.id, chunks.map(\.question), of: kind)
        // All are waited for, since each keeps what it was answered.
        let places = endpoint.places[step.event.lane]
        let results = Replies()
        // A task that has ended holds its memory, 50 KB, until its result is taken. Most end while others wait for a place.
        await withDiscardingTaskGroup { group in
            for (place, chunk) in chunks.enumerated() where kept[place] == nil {
                // Cancelled: the calls find that out themselves.
                let hasPlace = (try? await places?.take()) != nil
                group.addTask {
                    defer { if hasPlace { places?.giveBack() } }
                    results[place] = await result(of: chunk, of: step)
                }
            }
        }
        return try chunks.enumerated().map { place, chunk in
            (chunk.items, try kept[place].map { .answered($0) } ?? results[place]?.get() ?? .over)
        }
    }

    /// The answers that an earlier delivery of the step has paid for, by the index of the item.
    /// - Throws: errors of the ledger.
    func paid(for step: EscalatedStep) async throws -> [Int: Answer] {
        let chunks = endpoint.chunks(step.escalation.open).map { Chunk($0, of: kind) }
        guard !chunks.isEmpty else { return [:] }
        let kept = try await ledger.recover(step.id, chunks.map(\.question), of: kind)
        return zip(chunks, kept).reduce(into: [:]) { paid, member in
            for (item, answer) in zip(member.0.items, member.1 ?? []) { paid[item.index] = answer }
        }
    }

    private func result(of chunk: Chunk, of step: EscalatedStep) async -> Result<Reply, any Error> {
        do {
            return .success(try await reply(to: chunk, of: step))
        } catch {
            return .failure(error)
        }
    }

    private func reply(to chunk: Chunk, of step: EscalatedStep) async throws -> Reply {
        let call = EndpointCall(
            endpoint, kind: kind, from: firstNumber, step: step.id, tenant: step.event.tenant, isOver: isOver,
            reserve: { try await ledger.reserve($0, chunk.question) })
        let (ending, entries) = await call.ask(
            chunk.items.map { .text($0.text, in: $0.context) }, until: step.event.event.expiryTime, in: step.event.lane)
        return try await keep(ending, entries, chunk, of: step)
    }

    /// Writes down what a call has cost and brought. Not a part of `reply`, whose variables take memory while hundreds of
    /// calls wait for their servers.
    @inline(never)
    private func keep(
        _ ending: EndpointCall.Ending, _ entries: [LedgerEntry], _ chunk: Chunk, of step: EscalatedStep
    ) async throws -> Reply {
        var entries = entries
        var kept: PaidAnswer?
        if case .answered(let outputs) = ending {
            let answers = outputs.map { endpoint.answer($0, decidedBy: kind == .full ? .full : .worker) }
            note(&entries, chunk.items, answers)
            kept = PaidAnswer(step: step.id, question: chunk.question, answers: answers)
        }
        // Emitted only after this, so that a crash in between asks nothing again.
        try await ledger.settle(entries, keeping: kept)
        switch ending {
        case .answered: return .answered(kept?.answers ?? [])
        case .stopped(.stepIsOver): return .over
        case .stopped(.refused(let budget)): return .refused(budget)
        case .stopped(.answered(let answers)): return .answered(answers)
        case .stopped(.fault(let error)): throw error
        case .failed(let error): return error.code == .deadlineExceeded ? .over : .failed(error)
        }
    }
}
