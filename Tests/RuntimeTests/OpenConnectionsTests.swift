import Testing

@testable import Runtime

@Suite struct OpenConnectionsTests {
    private let start = ContinuousClock.now

    @Test func `an address that opens too many loses its oldest one`() {
        var connections = OpenConnections(.init(perAddress: 2, total: 10))
        #expect(connections.add(1, from: 7, at: start) == nil)
        #expect(connections.add(2, from: 8, at: start) == nil)
        #expect(connections.add(3, from: 7, at: start) == nil)
        #expect(connections.add(4, from: 7, at: start) == 1)
        #expect(connections.add(5, from: 7, at: start) == 3)
        #expect(connections.add(6, from: 8, at: start) == nil)
    }

    @Test func `where all addresses together open too many, the one with the most loses its oldest one`() {
        var connections = OpenConnections(.init(perAddress: 3, total: 4))
        for descriptor in Int32(1)...3 { #expect(connections.add(descriptor, from: 7, at: start) == nil) }
        #expect(connections.add(4, from: 8, at: start) == nil)
        #expect(connections.add(5, from: 9, at: start) == 1)
    }

    @Test func `a connection that has ended makes room`() {
        var connections = OpenConnections(.init(perAddress: 1, total: 10))
        #expect(connections.add(1, from: 7, at: start) == nil)
        connections.remove(1)
        connections.remove(1)
        #expect(connections.add(2, from: 7, at: start) == nil)
    }

    @Test func `a connection is overdue when its lifetime is over, and is reported once`() {
        var connections = OpenConnections(.init(lifetime: .seconds(10)))
        #expect(connections.nextDeadline == nil)
        _ = connections.add(1, from: 7, at: start)
        _ = connections.add(2, from: 7, at: start + .seconds(1))
        #expect(connections.nextDeadline == start + .seconds(10))
        #expect(connections.removeOverdue(at: start + .seconds(9.9)).isEmpty)
        #expect(connections.removeOverdue(at: start + .seconds(10)) == [1])
        #expect(connections.removeOverdue(at: start + .seconds(10)).isEmpty)
        #expect(connections.nextDeadline == start + .seconds(11))
    }
}
