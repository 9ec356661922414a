import Contracts

/// The requests that were added last, as many as there is room for; the oldest one makes room.
struct RecentRequests: Sendable {
    private let capacity: Int
    private var known: Set<Request.ID> = []
    /// In the order in which they came, as a ring.
    private var order: [Request.ID] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ request: Request.ID) -> Bool { known.contains(request) }

    mutating func add(_ request: Request.ID) {
        guard known.insert(request).inserted else { return }
        guard order.count == capacity else { return order.append(request) }
        known.remove(order[oldest])
        order[oldest] = request
        oldest = (oldest + 1) % capacity
    }
}
