import Contracts
import Store

/// Reads stored requests and their steps.
enum RequestReading {
    static let columns: StaticString = """
        r.request_id, r.tenant_id, r.event_id, r.channel, r.state, r.error, r.accepted_at, r.deadline_at,
            r.progressed_at, r.traceparent, r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd,
            r.full_model_input_tokens, r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd,
            r.lane, r.completed_at, r.cost_final, r.result_totals::text, r.erased_at,
            r.redrives, r.redrive_at, r.catalog_version,
            EXISTS (SELECT FROM winnow.tenant_topic AS o WHERE o.tenant_id = r.tenant_id) AS has_own_topics
        """

    /// The bounds are parameters too, so that partitions are pruned when the statement starts.
    static func steps(of keys: PostgresArray<RequestKey>, from lowest: RequestKey, to highest: RequestKey) -> SQL {
        let sql: SQL = """
            SELECT s.request_id, s.ordinal, s.capability, s.task, s.items, s.depends_on::text, s.state, s.answers, s.error,
                s.guesses
            FROM winnow.step AS s
            WHERE s.request_id = ANY (\(keys)) AND s.request_id BETWEEN \(lowest) AND \(highest)
            """
        return sql.named("read steps")
    }

    /// - Parameter requests: one result with `columns`.
    static func snapshots(
        _ requests: [PostgresResult], on connection: PostgresConnection
    ) throws -> [RequestSnapshot] {
        let keys = try requests.flatMap { result in
            let id = try result.column("request_id")
            return try result.rows { row throws in try row.requestKey(id) }
        }
        guard let lowest = keys.min(), let highest = keys.max() else { return [] }
        let steps = try connection.execute(Self.steps(of: PostgresArray(keys), from: lowest, to: highest))
        return try snapshots(requests, steps, ids: [:])
    }

    /// - Parameter ids: the known ids by key, since creating an id costs more than a look-up.
    static func snapshots(
        _ requests: [PostgresResult], _ steps: [PostgresResult], ids: [RequestKey: Request.ID]
    ) throws -> [RequestSnapshot] {
        var stepsByKey = [RequestKey: [Step]](minimumCapacity: ids.count)
        for result in steps {
            let columns = try StepColumns(result)
            _ = try result.rows { row throws in
                stepsByKey[try row.requestKey(columns.request), default: []].append(try step(row, columns))
            }
        }
        return try requests.flatMap { result in
            let columns = try RequestColumns(result)
            return try result.rows { row throws in
                let key = try row.requestKey(columns.id)
                var snapshot = try self.snapshot(row, columns, try ids[key] ?? key.requestID())
                if let steps = stepsByKey[key] {
                    snapshot.steps = steps.count > 1 ? steps.sorted { $0.ordinal < $1.ordinal } : steps
                }
                return snapshot
            }
        }
    }

    private static func snapshot(
        _ row: PostgresRow, _ columns: RequestColumns, _ id: Request.ID
    ) throws -> RequestSnapshot {
        var snapshot = RequestSnapshot(
            id: id, tenant: TenantID(rawValue: try row.text(columns.tenant)),
            eventID: EventID(try row.text(columns.eventID)),
            channel: try row.isNull(columns.channel) ? nil : try row.label(columns.channel),
            state: try row.label(columns.state), error: try row.optionalText(columns.error),
            acceptedAt: try row.timestamp(columns.acceptedAt), deadline: try row.optionalTimestamp(columns.deadline),
            progressedAt: try row.timestamp(columns.progressedAt),
            traceparent: try row.optionalText(columns.traceparent),
            lane: try row.label(columns.lane), hasOwnTopics: try row.bool(columns.hasOwnTopics),
            totals: try LedgerTotals(row, columns.totals))
        snapshot.completedAt = try row.optionalTimestamp(columns.completedAt)
        snapshot.erasedAt = try row.optionalTimestamp(columns.erasedAt)
        snapshot.redrives = Int(try row.integer(columns.redrives))
        snapshot.redriveAt = try row.optionalTimestamp(columns.redriveAt)
        snapshot.catalogVersion = try row.optionalInteger(columns.catalogVersion)
        if snapshot.state.isFinal {
            let column = columns.resultTotals
            let totals = try row.isNull(column) ? snapshot.totals : try LedgerTotals(array: try row.text(column))
            snapshot.resultCost = ResultCost(totals: totals, isFinal: try row.bool(columns.costFinal))
        }
        return snapshot
    }

    private static func step(_ row: PostgresRow, _ columns: StepColumns) throws -> Step {
        let dependsOn = try row.text(columns.dependsOn).dropFirst().dropLast().split(separator: ",")
        let answers = { (what: String, column: PostgresColumn) in
            try row.isNull(column) ? [] : try stored(what) { try Answer.decode(try row.bytes(column)) }
        }
        return Step(
            ordinal: Int(try row.integer(columns.ordinal)),
            route: Route(Capability(rawValue: try row.text(columns.capability)), try row.text(columns.task)),
            items: try stored("items") { try Item.decode(try row.bytes(columns.items)) },
            dependsOn: dependsOn.compactMap { Int($0) }, state: try row.label(columns.state),
            answers: try answers("answers", columns.answers), guesses: try answers("guesses", columns.guesses),
            error: try row.optionalText(columns.error))
    }

    private static func stored<Value>(_ what: String, _ decode: () throws -> Value) throws -> Value {
        do {
            return try decode()
        } catch {
            throw StoreError.unreadable(what)
        }
    }
}

/// Where the columns of `RequestReading.columns` are in a result.
private struct RequestColumns {
    let id, tenant, eventID, channel, state, error, acceptedAt, deadline, progressedAt, traceparent,
        lane: PostgresColumn
    let completedAt, costFinal, resultTotals, erasedAt, redrives, redriveAt, catalogVersion: PostgresColumn
    let hasOwnTopics: PostgresColumn
    let totals: LedgerTotals.Columns

    init(_ result: PostgresResult) throws(StoreError) {
        id = try result.column("request_id")
        tenant = try result.column("tenant_id")
        eventID = try result.column("event_id")
        channel = try result.column("channel")
        state = try result.column("state")
        error = try result.column("error")
        acceptedAt = try result.column("accepted_at")
        deadline = try result.column("deadline_at")
        progressedAt = try result.column("progressed_at")
        traceparent = try result.column("traceparent")
        lane = try result.column("lane")
        completedAt = try result.column("completed_at")
        costFinal = try result.column("cost_final")
        resultTotals = try result.column("result_totals")
        erasedAt = try result.column("erased_at")
        redrives = try result.column("redrives")
        redriveAt = try result.column("redrive_at")
        catalogVersion = try result.column("catalog_version")
        hasOwnTopics = try result.column("has_own_topics")
        totals = try LedgerTotals.Columns(result)
    }
}

/// Where the columns of `RequestReading.steps` are in a result.
private struct StepColumns {
    let request, ordinal, capability, task, items, dependsOn, state, answers, error, guesses: PostgresColumn

    init(_ result: PostgresResult) throws(StoreError) {
        request = try result.column("request_id")
        ordinal = try result.column("ordinal")
        capability = try result.column("capability")
        task = try result.column("task")
        items = try result.column("items")
        dependsOn = try result.column("depends_on")
        state = try result.column("state")
        answers = try result.column("answers")
        error = try result.column("error")
        guesses = try result.column("guesses")
    }
}

extension RequestKey {
    func requestID() throws(StoreError) -> Request.ID {
        guard let id else { throw .unreadable("a request's id") }
        return id
    }
}

/// A request id as 16 bytes, the form that the database stores and compares.
struct RequestKey: Hashable, Comparable, Sendable {
    let value: UInt128

    init(_ id: Request.ID) {
        value = id.description.utf8.reduce(UInt128(0)) { value, byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value << 4 | UInt128(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value << 4 | UInt128(byte - UInt8(ascii: "a") + 10)
            default: value
            }
        }
    }

    /// - Parameter bytes: 16 bytes in network order.
    init(_ bytes: UnsafeRawBufferPointer) { value = UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)) }

    static func < (left: RequestKey, right: RequestKey) -> Bool { left.value < right.value }

    /// - Returns: always an id, since 32 hexadecimal digits and four hyphens are valid.
    var id: Request.ID? {
        let digits = Array("0123456789abcdef".utf8)
        var text = ""
        text.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text += "-" }
            let digit = Int(truncatingIfNeeded: value >> UInt128(124 - 4 * index)) & 15
            text.unicodeScalars.append(UnicodeScalar(digits[digit]))
        }
        return Request.ID(text)
    }
}

extension RequestKey: PostgresValue {
    static var typeID: UInt32 { 2950 }
    static var arrayTypeID: UInt32 { 2951 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: value) }
}

/// A request that was found by one of its ids.
public struct FoundRequest: Sendable, Equatable {
    public let id: Request.ID
    public let tenant: TenantID
    public let state: RequestSnapshot.State
}
