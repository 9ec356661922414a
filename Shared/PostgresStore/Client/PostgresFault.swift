import Store

/// What the server or the connection said. Holds neither binds nor the server's detail, which quotes them.
struct PostgresFault: Error, Sendable, CustomStringConvertible {
    /// Empty where the connection failed before the server could say anything.
    let sqlState: String
    let statement: String
    let constraint: String?

    var description: String {
        let state = sqlState.isEmpty ? "connection lost" : "SQLSTATE \(sqlState)"
        return "\(state) in '\(statement)'" + (constraint.map { ", constraint \($0)" } ?? "")
    }

    /// Whether the session is of no use any more: lost, shut down, idle in a transaction for too long, with a server
    /// that has become a standby, or with statements that were prepared for another schema.
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
        // Too many connections, out of disk or memory; faults of the machine; a statement that took too long.
        case _ where fault.endsConnection || fault.isOf("53", "58", "XX"), "57014":
            self.init(.unavailable, fault.description, isRetriable: true, underlying: fault)
        // Not migrated yet, or without the rights: no payload brings that about, so none may be given up for it.
        case _ where fault.isOf("28", "3D", "3F", "42"):
            self.init(.configuration, fault.description, isRetriable: true, underlying: fault)
        // Serialization failure, deadlock, lock timeout.
        case "40001", "40P01", "55P03":
            self.init(.conflict, fault.description, isRetriable: true, underlying: fault)
        default:
            self.init(.query, fault.description, isRetriable: false, underlying: fault)
        }
    }

    /// Whether the time to wait for a lock was used up.
    var hasWaited: Bool { (underlying as? PostgresFault)?.sqlState == "55P03" }

    /// A value that the store wrote and cannot read again.
    static func unreadable(_ what: String) -> StoreError {
        StoreError(.query, "\(what) cannot be read back", isRetriable: false)
    }
}
