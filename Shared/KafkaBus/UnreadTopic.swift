import Contracts
import MessageBus

/// What one producer has waiting unread in a topic. No I/O: what is known comes from looks at the reading group's committed
/// offsets and at the ends of the partitions.
struct UnreadTopic: Sendable {
    enum Admission { case full, admitted, admittedAndLookIsDue }

    /// Between two looks in the background: while all is well, and while the group is given up.
    private static let interval = Duration.milliseconds(100)
    private static let longInterval = Duration.seconds(1)

    let group: String
    private let limit: Int
    private var partitions: [UnreadBytes]
    /// What the group has committed in each partition, as last seen.
    private var committed: [Int64]
    private var isLooking = false
    private var lookedAt: ContinuousClock.Instant?
    /// What the group had committed when it was waited for in vain; nobody waits for it again until it has moved.
    private var givenUpAt: [Int64]?

    /// - Parameters:
    ///   - limit: of bytes in each partition.
    ///   - others: bytes that are assumed to wait in each of them already.
    init(group: String, partitions: Int, limit: Int, others: Int = 0) {
        self.group = group
        self.limit = limit
        self.partitions = Array(repeating: UnreadBytes(others: others), count: partitions)
        committed = Array(repeating: 0, count: partitions)
    }

    /// What is certainly in the log, or will never be, by partition. It goes along with the next look.
    var written: [Int] { partitions.map(\.written) }

    mutating func admit(
        _ record: OutgoingRecord, now: @autoclosure () -> ContinuousClock.Instant = .now
    ) -> Admission {
        guard givenUpAt != nil || hasRoom(for: record) else { return .full }
        let bytes = record.wireSize
        let places = places(of: record)
        for place in places { partitions[place].admit(bytes) }
        let pause = givenUpAt == nil ? Self.interval : Self.longInterval
        guard !isLooking, places.contains(where: { partitions[$0].count > limit / 2 }),
            lookedAt.map({ now() - $0 > pause }) ?? true
        else { return .admitted }
        isLooking = true
        return .admittedAndLookIsDue
    }

    mutating func settle(_ record: OutgoingRecord) {
        let bytes = record.wireSize
        for place in places(of: record) { partitions[place].settle(bytes) }
    }

    /// - Parameters:
    ///   - offsets: of each partition; `nil` where the look failed.
    ///   - written: as it was before the look.
    mutating func look(
        _ offsets: [(committed: Int64, end: Int64)]?, written: [Int], now: ContinuousClock.Instant = .now
    ) {
        (isLooking, lookedAt) = (false, now)
        guard let offsets, offsets.count == partitions.count else { return }
        for place in partitions.indices {
            partitions[place].look(
                committed: offsets[place].committed, end: offsets[place].end, written: written[place])
            committed[place] = offsets[place].committed
        }
        if givenUpAt != committed { givenUpAt = nil }
    }

    mutating func giveUp() { givenUpAt = committed }

    /// How far the group is where the record goes; `nil` when there is nothing to wait for.
    func progress(of record: OutgoingRecord) -> ArraySlice<Int64>? {
        givenUpAt != nil || hasRoom(for: record) ? nil : committed[places(of: record)]
    }

    private func hasRoom(for record: OutgoingRecord) -> Bool {
        let bytes = record.wireSize
        return places(of: record).allSatisfy { partitions[$0].hasRoom(for: bytes, limit: limit) }
    }

    /// Where a record goes; one without a key may go anywhere.
    private func places(of record: OutgoingRecord) -> Range<Int> {
        guard let key = record.key else { return partitions.indices }
        let place = Murmur2.partition(key, of: partitions.count)
        return place..<place + 1
    }
}

/// How many bytes of one partition this process wrote and the reading group has not read.
private struct UnreadBytes: Sendable {
    /// An end of the log: once the group has committed it, it has read the first `written` bytes.
    private struct Mark {
        let end: Int64
        let written: Int
    }

    private var admitted: Int
    private(set) var written: Int
    private var read = 0
    private var mark: Mark?

    init(others: Int) { (admitted, written) = (others, others) }

    var count: Int { admitted - read }

    /// A record that is larger than the limit goes alone.
    func hasRoom(for bytes: Int, limit: Int) -> Bool { count == 0 || count + bytes <= limit }

    mutating func admit(_ bytes: Int) { admitted += bytes }

    mutating func settle(_ bytes: Int) { written += bytes }

    mutating func look(committed: Int64, end: Int64, written: Int) {
        // An end that goes back is that of a new log: the broker came back empty.
        if let mark, committed >= mark.end || end < mark.end {
            read = max(read, mark.written)
            self.mark = nil
        }
        if committed >= end {
            read = max(read, written)
            mark = nil
        } else if mark == nil {
            mark = Mark(end: end, written: written)
        }
    }
}
