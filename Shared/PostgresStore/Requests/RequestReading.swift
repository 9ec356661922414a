import Contracts
import Store

/// Reads stored requests and their steps.
enum RequestReading {
    static let columns: StaticString = """
        r.request_id, r.tenant_id, r.event_id, r.channel, r.state, r.error, r.accepted_at, r.deadline_at,
            r.progressed_at, r.traceparent, r.input_tokens, r.output_tokens, r.flops, r.cost_pico_usd,
            r.full_model_input_tokens, r.full_model_output_tokens, r.full_model_flops, r.full_model_cost_pico_usd,
            r.lane, r.completed_at, r.cost_final, r.result_totals::text, r.erased_at,
            r.redrives, r.redrive_at,
            EXISTS (SELECT FROM winnow.tenant_topic AS o WHERE o.tenant_id = r.tenant_id)
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
        let keys = try requests.flatMap { try $0.rows { row throws in try row.requestKey(0) } }
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
            _ = try result.rows { row throws in stepsByKey[try row.requestKey(0), default: []].append(try step(row)) }
        }
        return try requests.flatMap { result in
            try result.rows { row throws in
                let key = try row.requestKey(0)
                var snapshot = try self.snapshot(row, try ids[key] ?? key.requestID())
                if let steps = stepsByKey[key] {
                    snapshot.steps = steps.count > 1 ? steps.sorted { $0.ordinal < $1.ordinal } : steps
                }
                return snapshot
            }
        }
    }

    private static func snapshot(_ row: PostgresRow, _ id: Request.ID) throws -> RequestSnapshot {
        var snapshot = RequestSnapshot(
            id: id, tenant: TenantID(rawValue: row.text(1)), eventID: EventID(row.text(2)),
            channel: row.isNull(3) ? nil : try row.label(3), state: try row.label(4), error: row.optionalText(5),
            acceptedAt: try row.timestamp(6), deadline: row.optionalTimestamp(7), progressedAt: try row.timestamp(8),
            traceparent: row.optionalText(9), lane: try row.label(18),
            hasOwnTopics: row.bool(25), totals: try LedgerTotals(row, from: 10))
        snapshot.completedAt = row.optionalTimestamp(19)
        snapshot.erasedAt = row.optionalTimestamp(22)
        snapshot.redrives = Int(try row.integer(23))
        snapshot.redriveAt = row.optionalTimestamp(24)
        if snapshot.state.isFinal {
            let totals = row.isNull(21) ? snapshot.totals : try LedgerTotals(array: row.text(21))
            snapshot.resultCost = ResultCost(totals: totals, isFinal: row.bool(20))
        }
        return snapshot
    }

    private static func step(_ row: PostgresRow) throws -> Step {
        let dependsOn = row.text(5).dropFirst().dropLast().split(separator: ",").compactMap { Int($0) }
        return Step(
            ordinal: Int(try row.integer(1)), route: Route(Capability(rawValue: row.text(2)), row.text(3)),
            items: try stored("items") { try Item.decode(row.bytes(4)) }, dependsOn: dependsOn, state: try row.label(6),
            answers: row.isNull(7) ? [] : try stored("answers") { try Answer.decode(row.bytes(7)) },
            guesses: row.isNull(9) ? [] : try stored("guesses") { try Answer.decode(row.bytes(9)) },
            error: row.optionalText(8))
    }

    private static func stored<Value>(_ what: String, _ decode: () throws -> Value) throws -> Value {
        do {
            return try decode()
        } catch {
            throw StoreError.unreadable(what)
        }
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
