import Contracts

/// Tracks which requests wait, are under way or are answered.
struct InFlightWindow {
    private var waiting: ArraySlice<PendingRequest>
    private var sent: [EventID: PendingRequest] = [:]
    private var bytes = 0
    private let mostUnderWay: Int
    private let mostBytes: Int
    /// The ids without a result.
    private var open: Set<EventID>

    init(_ requests: [PendingRequest], mostUnderWay: Int, mostBytes: Int) {
        waiting = requests[...]
        open = Set(requests.map(\.eventID))
        self.mostUnderWay = mostUnderWay
        self.mostBytes = mostBytes
    }

    var isDone: Bool { open.isEmpty }

    var underWay: [PendingRequest] { Array(sent.values) }

    /// Returns the next requests to send. A request larger than the whole window goes alone.
    mutating func departures(atMost limit: Int) -> [PendingRequest] {
        var departing: [PendingRequest] = []
        while let next = waiting.first, departing.count < limit, sent.count < mostUnderWay,
            bytes == 0 || bytes + next.body.count <= mostBytes
        {
            waiting.removeFirst()
            departing.append(next)
            guard open.contains(next.eventID), sent.updateValue(next, forKey: next.eventID) == nil else { continue }
            bytes += next.body.count
        }
        return departing
    }

    /// - Returns: whether it is the first result of one of this client's requests.
    mutating func arrived(_ id: EventID) -> Bool {
        guard open.remove(id) != nil else { return false }
        if let answered = sent.removeValue(forKey: id) { bytes -= answered.body.count }
        return true
    }
}
