import Contracts

/// Which requests wait, are under way, or are answered.
struct Flight {
    private var waiting: ArraySlice<Exchange.Pending>
    private var sent: [EventID: Exchange.Pending] = [:]
    private var bytes = 0
    private let mostUnderWay: Int
    private let mostBytes: Int
    /// Ids without a result.
    private(set) var open: Set<EventID>

    init(_ pending: [Exchange.Pending], mostUnderWay: Int, mostBytes: Int) {
        waiting = pending[...]
        open = Set(pending.map(\.eventID))
        self.mostUnderWay = mostUnderWay
        self.mostBytes = mostBytes
    }

    var isDone: Bool { open.isEmpty }

    var underWay: [Exchange.Pending] { Array(sent.values) }

    /// The next ones; one that is larger than all room goes alone.
    mutating func departures(atMost limit: Int) -> [Exchange.Pending] {
        var departing: [Exchange.Pending] = []
        while let next = waiting.first, departing.count < limit, sent.count < mostUnderWay,
            bytes == 0 || bytes + next.bytes.count <= mostBytes
        {
            waiting.removeFirst()
            departing.append(next)
            guard open.contains(next.eventID), sent.updateValue(next, forKey: next.eventID) == nil else { continue }
            bytes += next.bytes.count
        }
        return departing
    }

    /// - Returns: whether it is the first result of a request of ours.
    mutating func arrived(_ id: EventID) -> Bool {
        guard open.remove(id) != nil else { return false }
        if let answered = sent.removeValue(forKey: id) { bytes -= answered.bytes.count }
        return true
    }
}
