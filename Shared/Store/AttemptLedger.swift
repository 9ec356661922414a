import Contracts

/// The escalator's part of the ledger: a call is a row before it is made, and settled after.
///
/// The totals of a final request always equal the sum of its rows: every method sums them again where it changes a row.
public protocol AttemptLedger: Sendable {
    /// Gives a call its instant and its price.
    ///
    /// The instant is the one of the transaction that writes the row. What a budget has left, the hour in which a call is
    /// counted and its price all go by it, whatever the clock of the caller says.
    typealias Begin = @Sendable (LedgerEntry, Timestamp) throws -> LedgerEntry

    /// Numbers and writes one `started` row a call, at its reserved price, in one transaction. An earlier `started` row
    /// of the same step whose process died becomes `unknown` and keeps its price; the new call is an attempt of its own.
    /// - Returns: the entries in the order given, with their numbers.
    /// - Throws: `StoreError`; whatever `begin` throws, and then nothing is written.
    func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry]

    /// The same for calls that tenants pay for, as far as their budgets have room: check and reservation are one
    /// transaction, so that no number of processes spends more than a limit.
    /// - Returns: in the order given.
    /// - Throws: `StoreError`; whatever `begin` throws, and then nothing is written.
    func reserve(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [Reservation]

    /// Writes what the calls really were; the key is (step, number).
    func settle(_ entries: [LedgerEntry]) async throws
}
