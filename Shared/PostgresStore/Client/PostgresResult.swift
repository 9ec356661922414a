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

    /// Looks a column up once for all rows. Worth it where many rows are read.
    /// - Throws: if the statement has no column of this name.
    func column(_ name: String) throws(StoreError) -> PostgresColumn {
        // libpq folds a name to lower case unless it is quoted.
        let position = PQfnumber(handle, "\"\(name)\"")
        guard position >= 0 else { throw .unreadable("column \(name)") }
        return PostgresColumn(name: name, position: position)
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

/// A column by its name, so that a statement may list its columns in any order.
struct PostgresColumn: ExpressibleByStringLiteral {
    /// The column of a statement that has only one.
    static let only = PostgresColumn(name: "", position: 0)

    fileprivate let name: String
    /// `nil` if it is looked up in each row.
    fileprivate let position: Int32?

    fileprivate init(name: String, position: Int32?) { (self.name, self.position) = (name, position) }

    /// - Parameter name: in lower case.
    init(stringLiteral name: String) { self.init(name: name, position: nil) }
}

/// One row. It is valid only inside the closure that receives it.
///
/// Every method throws if the statement has no such column.
struct PostgresRow {
    fileprivate let result: OpaquePointer
    fileprivate let index: Int32

    private func position(_ column: PostgresColumn) throws(StoreError) -> Int32 {
        if let position = column.position { return position }
        let position = PQfnumber(result, column.name)
        guard position >= 0 else { throw .unreadable("column \(column.name)") }
        return position
    }

    func isNull(_ column: PostgresColumn) throws(StoreError) -> Bool {
        PQgetisnull(result, index, try position(column)) == 1
    }

    func bytes(_ column: PostgresColumn) throws(StoreError) -> UnsafeRawBufferPointer {
        let position = try position(column)
        let count = Int(PQgetlength(result, index, position))
        return UnsafeRawBufferPointer(start: PQgetvalue(result, index, position), count: count)
    }

    /// - Returns: `nil` for NULL and for values that are not integers of 2, 4 or 8 bytes.
    func optionalInteger(_ column: PostgresColumn) throws(StoreError) -> Int64? {
        guard try !isNull(column) else { return nil }
        let bytes = try bytes(column)
        switch bytes.count {
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        default: return nil
        }
    }

    func integer(_ column: PostgresColumn) throws(StoreError) -> Int64 {
        guard let value = try optionalInteger(column) else { throw .unreadable("column \(column.name)") }
        return value
    }

    func double(_ column: PostgresColumn) throws(StoreError) -> Double {
        guard let bits = try optionalInteger(column) else { throw .unreadable("column \(column.name)") }
        return Double(bitPattern: UInt64(bitPattern: bits))
    }

    func optionalText(_ column: PostgresColumn) throws(StoreError) -> String? {
        try isNull(column) ? nil : text(column)
    }

    /// - Returns: the empty string for NULL.
    func text(_ column: PostgresColumn) throws(StoreError) -> String {
        String(decoding: try bytes(column), as: UTF8.self)
    }

    func bool(_ column: PostgresColumn) throws(StoreError) -> Bool { try bytes(column).first == 1 }

    func optionalTimestamp(_ column: PostgresColumn) throws(StoreError) -> Timestamp? {
        // Rounds down, so that an instant before 1970 is read as it was written.
        guard let microseconds = try optionalInteger(column) else { return nil }
        let milliseconds = (microseconds - (microseconds % 1000 + 1000) % 1000) / 1000
        return Timestamp(milliseconds: milliseconds + Timestamp.postgresEpoch)
    }

    func timestamp(_ column: PostgresColumn) throws(StoreError) -> Timestamp {
        guard let value = try optionalTimestamp(column) else { throw .unreadable("column \(column.name)") }
        return value
    }

    func requestKey(_ column: PostgresColumn = "request_id") throws(StoreError) -> RequestKey {
        let bytes = try bytes(column)
        guard bytes.count == 16 else { throw .unreadable("column \(column.name)") }
        return RequestKey(bytes)
    }

    /// Reads a label of an enum.
    func label<Label: RawRepresentable<String>>(_ column: PostgresColumn) throws(StoreError) -> Label {
        guard let value = Label(rawValue: try text(column)) else { throw .unreadable("column \(column.name)") }
        return value
    }

    func tenant(_ column: PostgresColumn = "tenant_id") throws(StoreError) -> TenantID {
        TenantID(rawValue: try text(column))
    }

    /// Reads the columns `capability` and `task`.
    func route() throws(StoreError) -> Route { Route(Capability(rawValue: try text("capability")), try text("task")) }
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

    /// Whether the transaction has waited for a lock until the lock timeout expired.
    var hasWaited: Bool { (underlying as? PostgresFault)?.sqlState == "55P03" }

    /// Creates an error for a stored value that cannot be read.
    static func unreadable(_ what: String) -> StoreError {
        StoreError(.query, "\(what) cannot be read", isRetriable: false)
    }
}
