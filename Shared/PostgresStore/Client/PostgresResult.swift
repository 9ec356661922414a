import CLibPQ
import Contracts
import Store

/// The rows of one statement in binary format. Owns the `PGresult`.
///
/// `@unchecked Sendable`: libpq never changes a result after returning it.
final class PostgresResult: @unchecked Sendable {
    private let handle: OpaquePointer
    let count: Int

    /// Takes ownership of `handle`.
    init(owning handle: OpaquePointer) {
        self.handle = handle
        count = Int(PQntuples(handle))
    }

    deinit { PQclear(handle) }

    /// The number of rows that an INSERT, UPDATE or DELETE affected.
    var affectedRows: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// The position of a column, to be looked up once for a result and not once for a row.
    /// - Throws: if the statement has no column of this name.
    func column(_ name: String) throws(StoreError) -> Int32 {
        // libpq folds a name to lower case unless it is quoted.
        let position = PQfnumber(handle, "\"\(name)\"")
        guard position >= 0 else { throw .unreadable("column \(name)") }
        return position
    }

    func rows<Value>(_ read: (PostgresRow) throws -> Value) rethrows -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for index in 0..<count { values.append(try read(PostgresRow(result: handle, index: Int32(index)))) }
        return values
    }

    func first<Value>(_ read: (PostgresRow) throws -> Value) rethrows -> Value? {
        try count > 0 ? read(PostgresRow(result: handle, index: 0)) : nil
    }
}

/// One row. It is valid only inside the closure that receives it.
struct PostgresRow {
    fileprivate let result: OpaquePointer
    fileprivate let index: Int32

    func isNull(_ column: Int32) -> Bool { PQgetisnull(result, index, column) == 1 }

    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let count = Int(PQgetlength(result, index, column))
        return UnsafeRawBufferPointer(start: PQgetvalue(result, index, column), count: count)
    }

    /// - Returns: `nil` for NULL and for values that are not integers of 2, 4 or 8 bytes.
    func optionalInteger(_ column: Int32) -> Int64? {
        guard !isNull(column) else { return nil }
        let bytes = bytes(column)
        switch bytes.count {
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        default: return nil
        }
    }

    func integer(_ column: Int32) throws(StoreError) -> Int64 {
        guard let value = optionalInteger(column) else { throw .unreadable("column \(column)") }
        return value
    }

    func double(_ column: Int32) throws(StoreError) -> Double {
        guard let bits = optionalInteger(column) else { throw .unreadable("column \(column)") }
        return Double(bitPattern: UInt64(bitPattern: bits))
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// - Returns: the empty string for NULL.
    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func bool(_ column: Int32) -> Bool { bytes(column).first == 1 }

    func optionalTimestamp(_ column: Int32) -> Timestamp? {
        // Rounds down, so that an instant before 1970 is read as it was written.
        optionalInteger(column).map { microseconds in
            let milliseconds = (microseconds - (microseconds % 1000 + 1000) % 1000) / 1000
            return Timestamp(milliseconds: milliseconds + Timestamp.postgresEpoch)
        }
    }

    func timestamp(_ column: Int32) throws(StoreError) -> Timestamp {
        guard let value = optionalTimestamp(column) else { throw .unreadable("column \(column)") }
        return value
    }

    func requestKey(_ column: Int32) throws(StoreError) -> RequestKey {
        let bytes = bytes(column)
        guard bytes.count == 16 else { throw .unreadable("column \(column)") }
        return RequestKey(bytes)
    }

    /// Reads a label of an enum.
    func label<Label: RawRepresentable<String>>(_ column: Int32) throws(StoreError) -> Label {
        guard let value = Label(rawValue: text(column)) else { throw .unreadable("column \(column)") }
        return value
    }
}

/// An error reported by the server or the connection. It contains neither binds nor the server's detail, which quotes
/// them.
struct PostgresFault: Error, Sendable, CustomStringConvertible {
    /// Empty if the connection failed before the server could respond.
    let sqlState: String
    let statement: String
    let constraint: String?

    var description: String {
        let state = sqlState.isEmpty ? "connection lost" : "SQLSTATE \(sqlState)"
        return "\(state) in '\(statement)'" + (constraint.map { ", constraint \($0)" } ?? "")
    }

    /// Whether the session can no longer be used: it was lost or shut down, was idle in a transaction for too long, is
    /// connected to a server that has become a standby, or has statements that were prepared for another schema.
    var endsConnection: Bool {
        sqlState.isEmpty || sqlState.hasPrefix("08") || sqlState.hasPrefix("57P0")
            || ["25006", "25P03", "0A000", "26000"].contains(sqlState)
    }

    fileprivate func isOf(_ classes: String...) -> Bool { classes.contains { sqlState.hasPrefix($0) } }
}

extension StoreError {
    /// - Source: PostgreSQL, appendix A, error codes
    init(_ fault: PostgresFault) {
        switch fault.sqlState {
        // Too many connections, out of disk or memory; errors of the system; a statement that took too long.
        case _ where fault.endsConnection || fault.isOf("53", "58", "XX"), "57014":
            self.init(.unavailable, fault.description, isRetriable: true, underlying: fault)
        // The schema is not migrated, or privileges are missing. Retriable, since no payload causes this error.
        case _ where fault.isOf("28", "3D", "3F", "42"):
            self.init(.configuration, fault.description, isRetriable: true, underlying: fault)
        // Serialization failure, deadlock, lock timeout.
        case "40001", "40P01", "55P03":
            self.init(.conflict, fault.description, isRetriable: true, underlying: fault)
        default:
            self.init(.query, fault.description, isRetriable: false, underlying: fault)
        }
    }

    /// Whether the lock timeout expired.
    var hasWaited: Bool { (underlying as? PostgresFault)?.sqlState == "55P03" }

    /// Creates an error for a stored value that cannot be read.
    static func unreadable(_ what: String) -> StoreError {
        StoreError(.query, "\(what) cannot be read", isRetriable: false)
    }
}
