import Contracts
import Delivery
import Lifecycle
import Store

/// The ledger for calls that end independently of each other. Their transactions are made together.
struct EndpointLedger: Sendable {
    typealias Settlement = (entries: [LedgerEntry], kept: PaidAnswer?)
    typealias Comparisons = (entries: [LedgerEntry], comparisons: [ShadowComparison])
    typealias Questions = [(step: Step.ID, question: QuestionDigest)]

    private let reservations: Coalescer<(entry: LedgerEntry, question: QuestionDigest), Reservation>
    private let shadows: Coalescer<LedgerEntry, LedgerEntry>
    private let settlements: Coalescer<Settlement, Void>
    private let comparisons: Coalescer<Comparisons, Void>
    private let recoveries: [Attempt.Kind: Coalescer<Questions, [[Answer]?]>]
    private let store: any AttemptLedger
    /// Shared by all handlers of a lane, also by those of an earlier catalog.
    let turns = TurnsByStep()

    init(_ store: any AttemptLedger & ShadowRegister) {
        // The endpoint has set the price, and the store sets the instant.
        let begin: AttemptLedger.Begin = { entry, instant in
            var entry = entry
            entry.attempt.startedAt = instant
            return entry
        }
        reservations = Coalescer { try await store.reserve($0, begin) }
        shadows = Coalescer { try await store.start($0, begin) }
        settlements = Coalescer { settlements in
            try await store.settle(settlements.flatMap(\.entries), keeping: settlements.compactMap(\.kept))
            return settlements.map { _ in () }
        }
        comparisons = Coalescer { settlements in
            try await store.settle(settlements.flatMap(\.entries), comparing: settlements.flatMap(\.comparisons))
            return settlements.map { _ in () }
        }
        recoveries = [Attempt.Kind.full, .worker].reduce(into: [:]) { recoveries, kind in
            recoveries[kind] = Coalescer { questions in
                var answers = try await store.recover(questions.flatMap(\.self), of: kind)[...]
                return questions.map { own in
                    defer { answers = answers.dropFirst(own.count) }
                    return Array(answers.prefix(own.count))
                }
            }
        }
        self.store = store
    }

    /// Reserves a call that a tenant pays for.
    func reserve(_ entry: LedgerEntry, _ question: QuestionDigest) async throws -> Reservation {
        try await reservations.run((entry, question))
    }

    /// Reserves a background comparison, which no budget limits.
    func start(_ entry: LedgerEntry) async throws -> Reservation { .started(try await shadows.run(entry)) }

    /// Finds what an earlier delivery of a step has paid for already.
    /// - Parameter kind: `.full`, or `.worker` for a small model.
    func recover(
        _ step: Step.ID, _ questions: [QuestionDigest], of kind: Attempt.Kind
    ) async throws -> [[Answer]?] {
        try await recoveries[kind]?.run(questions.map { (step, $0) }) ?? questions.map { _ in nil }
    }

    /// The rows of a step's calls of a kind, in the order of their numbers.
    func rows(of step: Step.ID, _ kind: Attempt.Kind) async throws -> [LedgerEntry] {
        try await store.ledger(of: step.request).filter { $0.step == step && $0.attempt.kind == kind }
    }

    func settle(_ entries: [LedgerEntry], keeping answer: PaidAnswer?) async throws {
        guard !entries.isEmpty || answer != nil else { return }
        try await Self.untilItWorks { try await settlements.run((entries, answer)) }
    }

    func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        guard !entries.isEmpty || !comparisons.isEmpty else { return }
        try await Self.untilItWorks { try await self.comparisons.run((entries, comparisons)) }
    }

    /// Repeats a settlement while the store is unavailable. What is to be settled is paid for and known only here: the
    /// delivery of the record again would ask, and pay, again.
    /// - Throws: the error of the store, if a repetition cannot help or the process is ending.
    private static func untilItWorks(_ settle: () async throws -> Void) async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while true {
            do {
                return try await settle()
            } catch let error as StoreError where error.isRetriable && !Task.isCancelled {
                guard await sleepUnlessShutDown(for: backoff.next(using: &generator)) else { throw error }
            }
        }
    }
}
