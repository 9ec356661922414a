import CLibPQ
import Store

/// One session with the server. Owns the `PGconn`. Every call blocks.
///
/// `@unchecked Sendable`: `PostgresSession` uses it only on its own thread.
final class PostgresConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    /// The names of prepared statements by their text. A frequent statement is parsed and planned once per session.
    private var prepared: [String: String] = [:]
    private var names = 0

    /// - Throws: `StoreError`, retriable, since the server may be unavailable and a wrong password may be corrected.
    init(_ settings: PostgresSettings) throws(StoreError) {
        let keywords = settings.parameters.map(\.keyword)
        let values = settings.parameters.map(\.value)
        let opened = withCStrings(keywords) { keywords in
            withCStrings(values) { values in PQconnectdbParams(keywords, values, 0) }
        }
        guard let opened else {
            throw StoreError(.unavailable, "no memory for a connection", isRetriable: true)
        }
        guard PQstatus(opened) == CONNECTION_OK else {
            // libpq's message names host, user and database. Each of them may contain the password.
            let reason = String(cString: PQerrorMessage(opened)).split(whereSeparator: \.isWhitespace).joined(
                separator: " ")
            PQfinish(opened)
            throw StoreError(.unavailable, "no connection: \(settings.redacted(reason))", isRetriable: true)
        }
        handle = opened
        PQsetNoticeProcessor(opened, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    var isUsable: Bool { PQstatus(handle) == CONNECTION_OK }

    var isIdle: Bool { PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Runs statements in order with one round trip. Outside of a transaction they are one transaction.
    /// - Returns: one result per statement.
    /// - Throws: the `StoreError` of the first statement that failed. The statements after it are not run.
    @discardableResult
    func execute(_ statements: SQL...) throws -> [PostgresResult] { try execute(statements) }

    @discardableResult
    func execute(_ statements: [SQL]) throws -> [PostgresResult] {
        guard PQenterPipelineMode(handle) == 1 else { throw lost("pipeline") }
        var steps: [Expected] = []
        for statement in statements { try send(statement, &steps) }
        guard PQpipelineSync(handle) == 1 else { throw lost("pipeline") }
        let results = try receive(steps)
        guard PQexitPipelineMode(handle) == 1 else { throw lost("pipeline") }
        return results
    }

    /// Runs a script of several statements without binds, with the simple protocol.
    /// - Throws: `StoreError` with the server's message. A script contains no payload.
    func run(script: String, name: StaticString) throws {
        let result = PQexec(handle, script)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return
        default:
            let error = StoreError(fault(result, name))
            let words = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? ""
            throw StoreError(
                error.code, "\(error.message): \(words)", isRetriable: error.isRetriable, underlying: error.underlying)
        }
    }

    fileprivate enum Expected {
        case preparation(text: String, name: String, of: StaticString)
        case rows(of: StaticString)
    }

    private func send(_ statement: SQL, _ expected: inout [Expected]) throws {
        let name: String
        if let known = prepared[statement.text] {
            name = known
        } else {
            names += 1
            name = "s\(names)"
            let types = statement.binds.map(\.typeID)
            guard PQsendPrepare(handle, name, statement.text, Int32(types.count), types) == 1 else {
                throw lost(statement.name)
            }
            expected.append(.preparation(text: statement.text, name: name, of: statement.name))
        }
        let sent = statement.values.withUnsafeBytes { bytes in
            // An empty value still needs an address. Otherwise it would be NULL.
            let none = UnsafeRawPointer(bitPattern: 1)
            let values = statement.binds.map { bind in
                bind.range.flatMap { (bytes.baseAddress ?? none)?.advanced(by: $0.lowerBound) }?
                    .assumingMemoryBound(to: CChar.self)
            }
            let lengths = statement.binds.map { Int32($0.range?.count ?? 0) }
            let formats = [Int32](repeating: 1, count: values.count)
            return PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost(statement.name) }
        expected.append(.rows(of: statement.name))
    }

    /// Reads up to the synchronization point, even after an error, so that the session can be used again.
    private func receive(_ expected: [Expected]) throws -> [PostgresResult] {
        var results: [PostgresResult] = []
        var first: StoreError?
        for step in expected {
            guard let result = PQgetResult(handle) else { throw lost(step.name) }
            switch (PQresultStatus(result), step) {
            case (PGRES_COMMAND_OK, .preparation(let text, let name, _)):
                prepared[text] = name
                PQclear(result)
            case (PGRES_COMMAND_OK, _), (PGRES_TUPLES_OK, _): results.append(PostgresResult(owning: result))
            default:
                if first == nil { first = StoreError(fault(result, step.name)) }
                PQclear(result)
                guard isUsable else { throw first ?? lost(step.name) }
            }
            // A null pointer ends each statement's results.
            while let rest = PQgetResult(handle) { PQclear(rest) }
        }
        PQclear(PQgetResult(handle))
        if let first {
            _ = PQexitPipelineMode(handle)
            throw first
        }
        return results
    }

    private func fault(_ result: OpaquePointer?, _ name: StaticString) -> PostgresFault {
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        return PostgresFault(sqlState: field("C") ?? "", statement: name.description, constraint: field("n"))
    }

    private func lost(_ name: StaticString) -> StoreError {
        StoreError(PostgresFault(sqlState: "", statement: name.description, constraint: nil))
    }
}

extension PostgresConnection.Expected {
    fileprivate var name: StaticString {
        switch self {
        case .preparation(_, _, let name), .rows(let name): name
        }
    }
}

/// Lends a null-terminated array of C strings.
private func withCStrings<Result>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    func lend(_ rest: ArraySlice<String>, _ pointers: [UnsafePointer<CChar>?]) -> Result {
        guard let first = rest.first else { return body(pointers + [nil]) }
        return first.withCString { lend(rest.dropFirst(), pointers + [$0]) }
    }
    return lend(strings[...], [])
}
