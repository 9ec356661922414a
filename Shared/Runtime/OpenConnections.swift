/// The connections of an HTTP server: how long each may last, and which one is closed to make room for a new one.
struct OpenConnections {
    struct Limits: Sendable {
        /// One address cannot hold more, however many it opens.
        var perAddress = 64
        var total = 256
        /// From the first byte to the last one of the answer, however slowly the client sends.
        var lifetime = Duration.seconds(10)
    }

    /// A network of clients: an IPv4 address, or the first half of an IPv6 address, since one host may have all of the rest.
    typealias Address = UInt64
    typealias Descriptor = Int32

    private struct Connection {
        let descriptor: Descriptor
        let address: Address
        let deadline: ContinuousClock.Instant
    }

    private let limits: Limits
    /// Oldest first, so also the earliest deadline first.
    private var connections: [Connection] = []

    init(_ limits: Limits) { self.limits = limits }

    /// - Returns: the connection to close where there are too many. It is forgotten here.
    mutating func add(_ descriptor: Descriptor, from address: Address, at now: ContinuousClock.Instant) -> Descriptor? {
        connections.append(Connection(descriptor: descriptor, address: address, deadline: now + limits.lifetime))
        if connections.count(where: { $0.address == address }) > limits.perAddress { return removeOldest(of: address) }
        // The address with the most connections gives one up: a few clients cannot keep out all others.
        return connections.count > limits.total ? removeOldest(of: busiestAddress) : nil
    }

    /// A descriptor that is not known is ignored: its connection was forgotten when it had to be closed.
    mutating func remove(_ descriptor: Descriptor) { connections.removeAll { $0.descriptor == descriptor } }

    /// - Returns: the connections to close because their time is over. They are forgotten here.
    mutating func removeOverdue(at now: ContinuousClock.Instant) -> [Descriptor] {
        let overdue = connections.prefix { $0.deadline <= now }.map(\.descriptor)
        connections.removeFirst(overdue.count)
        return overdue
    }

    var nextDeadline: ContinuousClock.Instant? { connections.first?.deadline }

    private var busiestAddress: Address? {
        Dictionary(grouping: connections, by: \.address).max { $0.value.count < $1.value.count }?.key
    }

    private mutating func removeOldest(of address: Address?) -> Descriptor? {
        guard let index = connections.firstIndex(where: { $0.address == address }) else { return nil }
        return connections.remove(at: index).descriptor
    }
}
