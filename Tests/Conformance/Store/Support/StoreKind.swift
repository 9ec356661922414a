import Contracts
import Foundation
import StoreTesting
import Testing
import PostgresStore
import Store

/// The seams that both stores implement, and a few test functions.
protocol StoreUnderTest: RequestStore, AttemptLedger, SubmissionQueue, CancellationQueue,
    InstanceRegister, TenantRegister, CatalogRegister, CertificateRegister, ShadowRegister, AgreementRegister,
    BudgetRegister, EmissionOutbox, TenantTopicRegister
{
    func agreement(of scope: AgreementScope) async throws -> Agreement?
    func registerPrices(_ prices: [Price]) async throws
}

extension InMemoryStore: StoreUnderTest {}
extension PostgresStore: StoreUnderTest {}

/// The adapters that every test of the suite uses.
enum StoreKind: CaseIterable, CustomTestStringConvertible {
    case inMemory, postgres

    var testDescription: String { "\(self)" }

    func with(
        onFinal: FinalRequestObserver? = nil, _ body: (any StoreUnderTest) async throws -> Void
    ) async throws {
        switch self {
        case .inMemory: try await body(InMemoryStore(onFinal: onFinal))
        case .postgres: try await TestDatabase.with { try await body(PostgresStore($0.settings, onFinal: onFinal)) }
        }
    }
}

extension AttemptLedger {
    /// Stores calls with their own instants and costs.
    func start(_ calls: [LedgerEntry]) async throws -> [LedgerEntry] {
        try await start(calls) { call, _ in call }
    }

    func reserve(
        _ calls: [LedgerEntry], _ begin: @escaping Begin = { call, _ in call }
    ) async throws -> [Reservation] {
        try await reserve(calls.map { (entry: $0, question: QuestionDigest([])) }, begin)
    }
}

func getProcessID() -> Int32 { ProcessInfo.processInfo.processIdentifier }

extension RequestStore {
    /// The stored state.
    func snapshots(of requests: [Request.ID]) async throws -> [RequestSnapshot] {
        try await update(requests) { _ in [] }
    }
}
