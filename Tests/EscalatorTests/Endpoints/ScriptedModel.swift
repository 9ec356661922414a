import Contracts
import Models
import Store
import StoreTesting
import Synchronization
import WorkerKit

@testable import Escalator

/// A model that answers as a test tells it, and asks the ledger before each try as an endpoint does.
final class ScriptedModel: Model {
    /// What comes of one try.
    enum Try: Sendable {
        /// - Parameter by: another model than the one that was asked.
        case answers(ModelOutput.Answer, Evidence = .measured(0.75), by: ModelIdentity? = nil)
        /// The try fails, and another one is made.
        case broken(ModelError.Code, ModelAttempt.State)
        /// The question fails.
        case error(ModelError)
    }

    typealias Script = @Sendable (_ text: String, _ number: Int) async throws -> Try

    let identity: ModelIdentity
    static let reserved = PicoDollars(100)
    static let cost = PicoDollars(60)

    private let script: Script
    private let asked = Mutex<[ModelInput]>([])

    init(_ name: String = "endpoint:big", _ script: @escaping Script) {
        identity = ModelIdentity(name: name, version: "1")
        self.script = script
    }

    /// The texts of all tries.
    var texts: [String] { inputs.map { if case .text(let text, _) = $0 { text } else { "" } } }

    /// The inputs of all tries.
    var inputs: [ModelInput] { asked.withLock(\.self) }

    func answer(
        _ inputs: [ModelInput], as question: Models.Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput] {
        var outputs: [ModelOutput?] = []
        for input in inputs {
            guard case .text(let text, _) = input else { continue }
            var attempts: [ModelAttempt] = []
            func fail(_ error: ModelError) throws -> Never {
                var error = error
                error.attempts = attempts
                error.outputs = outputs + Array(repeating: nil, count: inputs.count - outputs.count)
                throw error
            }
            while outputs.count < inputs.count {
                let ticket: Int?
                do {
                    ticket = try await ledger?.begin(identity, most: Self.reserved, inputs: 1)
                } catch {
                    try fail(error)
                }
                let number = asked.withLock { asked in
                    asked.append(input)
                    return asked.count
                }
                func attempt(_ state: ModelAttempt.State, _ code: ModelError.Code?, _ cost: PicoDollars) -> ModelAttempt
                {
                    ModelAttempt(
                        model: identity, ticket: ticket, state: state, error: code, inputs: 1, startedAt: .now,
                        usage: ModelUsage(inputTokens: 30, outputTokens: 3), reserved: Self.reserved, cost: cost)
                }
                switch try await script(text, number) {
                case .answers(let answer, let evidence, let model):
                    attempts.append(attempt(.answered, nil, Self.cost))
                    outputs.append(
                        ModelOutput(answer: answer, evidence: evidence, model: model ?? identity, attempts: attempts))
                case .broken(let code, let state):
                    attempts.append(attempt(state, code, state == .unknown ? Self.reserved : .zero))
                    continue
                case .error(let error): try fail(error)
                }
                break
            }
        }
        return outputs.compactMap(\.self)
    }
}

/// Reserves, and fails before it settles.
struct UnsettledLedger: AttemptLedger, ShadowRegister {
    let store: InMemoryStore

    func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry] {
        try await store.start(calls, begin)
    }

    func reserve(
        _ calls: [(entry: LedgerEntry, question: QuestionDigest)], _ begin: @escaping Begin
    ) async throws -> [Reservation] {
        try await store.reserve(calls, begin)
    }

    func recover(
        _ questions: [(step: Step.ID, question: QuestionDigest)], of kind: Attempt.Kind
    ) async throws -> [[Answer]?] {
        try await store.recover(questions, of: kind)
    }

    func settle(_ entries: [LedgerEntry], keeping answers: [PaidAnswer]) async throws {
        throw StoreError(.unavailable, "the process died", isRetriable: false)
    }

    func ledger(of request: Request.ID) async throws -> [LedgerEntry] { try await store.ledger(of: request) }

    func compared(among texts: [ShadowText]) async throws -> Set<Int> { [] }

    func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        try await settle(entries, keeping: [])
    }
}

/// Cancelled at some time by the test.
final class LateCancellations: Cancellations {
    let isCancelled = Mutex(false)

    func contains(_ request: Request.ID) -> Bool { isCancelled.withLock(\.self) }

    func prepare() async {}
}
