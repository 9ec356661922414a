import Contracts
import Store

/// Requests as columns, to be inserted.
struct RequestRows {
    var keys: PostgresArray<RequestKey>
    var tenants = PostgresArray<String>()
    var eventIDs = PostgresArray<String>()
    var channels = PostgresArray<String>()
    var states = PostgresArray<String>()
    var errors = PostgresArray<String>()
    var acceptedAt = PostgresArray<Timestamp>()
    var deadlines = PostgresArray<Timestamp>()
    var progressedAt = PostgresArray<Timestamp>()
    var traceparents = PostgresArray<String>()
    var lanes = PostgresArray<String>()
    var digests = PostgresArray<BodyDigest>()
    var places = PostgresArray<Int64>()
    /// Input and output tokens, flops and cost; then the full model's.
    var totals = [PostgresArray<Int64>](repeating: PostgresArray(), count: 8)

    init(reservingCapacity capacity: Int) { keys = PostgresArray(reservingCapacity: capacity) }

    mutating func append(_ snapshot: RequestSnapshot, _ key: RequestKey, _ origin: Origin) {
        keys.append(key)
        tenants.append(snapshot.tenant.rawValue)
        eventIDs.append(snapshot.eventID.text)
        channels.append(snapshot.channel?.rawValue)
        states.append(snapshot.state.rawValue)
        errors.append(snapshot.error)
        acceptedAt.append(snapshot.acceptedAt)
        deadlines.append(snapshot.deadline)
        progressedAt.append(snapshot.progressedAt)
        traceparents.append(snapshot.traceparent)
        lanes.append(snapshot.lane.rawValue)
        digests.append(origin.digest)
        places.append(origin.place)
        for (index, value) in snapshot.totals.columns.enumerated() { totals[index].append(value) }
    }
}

extension LedgerTotals {
    /// In the order of the table's columns.
    var columns: [Int64] {
        [
            usage.inputTokens, usage.outputTokens, usage.flops, cost.amount, counterfactualUsage.inputTokens,
            counterfactualUsage.outputTokens, counterfactualUsage.flops, counterfactualCost.amount,
        ]
    }

    /// Reads `{1,2,…}`, an array of eight as text.
    init(array text: String) throws(StoreError) {
        let values = text.dropFirst().dropLast().split(separator: ",").compactMap { Int64($0) }
        guard values.count == 8 else { throw .unreadable("totals") }
        self.init(
            usage: TokenUsage(inputTokens: values[0], outputTokens: values[1], flops: values[2]),
            cost: PicoDollars(values[3]),
            counterfactualUsage: TokenUsage(inputTokens: values[4], outputTokens: values[5], flops: values[6]),
            counterfactualCost: PicoDollars(values[7]))
    }

    /// Reads eight columns from `first` on.
    init(_ row: PostgresRow, from first: Int32) throws(StoreError) {
        let usage = TokenUsage(
            inputTokens: try row.integer(first), outputTokens: try row.integer(first + 1),
            flops: try row.integer(first + 2))
        let cost = PicoDollars(try row.integer(first + 3))
        let counterfactual = TokenUsage(
            inputTokens: try row.integer(first + 4), outputTokens: try row.integer(first + 5),
            flops: try row.integer(first + 6))
        self.init(
            usage: usage, cost: cost, counterfactualUsage: counterfactual,
            counterfactualCost: PicoDollars(try row.integer(first + 7)))
    }
}

/// `bytea` of 16 bytes.
extension BodyDigest: PostgresValue {
    static var typeID: UInt32 { Blob.typeID }
    static var arrayTypeID: UInt32 { Blob.arrayTypeID }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: value) }
}
