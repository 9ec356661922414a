import Contracts
import Testing

@testable import CLI

struct FlightTests {
    private static func pending(_ count: Int, bytes: Int = 10) -> [Exchange.Pending] {
        (0..<count).map { Exchange.Pending(eventID: "\($0)", bytes: [UInt8](repeating: 0x20, count: bytes)) }
    }

    @Test func `no more depart than may be under way, and each arrival makes room`() {
        var flight = Flight(Self.pending(5), mostUnderWay: 2, mostBytes: 1000)
        let first = flight.departures(atMost: 10), none = flight.departures(atMost: 10)
        let arrived = flight.arrived("1"), next = flight.departures(atMost: 10)
        #expect(first.map(\.eventID) == ["0", "1"])
        #expect(none.isEmpty && arrived)
        #expect(next.map(\.eventID) == ["2"])
        #expect(Set(flight.underWay.map(\.eventID)) == ["0", "2"])
    }

    @Test func `ids that differ in their bytes alone are two requests`() {
        let ids = ["caf\u{E9}", "cafe\u{301}"].map { EventID($0) }
        var flight = Flight(ids.map { .init(eventID: $0, bytes: [1]) }, mostUnderWay: 9, mostBytes: 99)
        let departed = flight.departures(atMost: 9)
        #expect(departed.map(\.eventID) == ids)
        let arrivals = ids.map { flight.arrived($0) }
        #expect(arrivals == [true, true])
        #expect(flight.isDone)
    }

    @Test func `one that is larger than all room goes alone`() {
        var flight = Flight(Self.pending(2, bytes: 500), mostUnderWay: 10, mostBytes: 100)
        let counts = [flight.departures(atMost: 10).count, flight.departures(atMost: 10).count]
        let arrived = flight.arrived("0"), last = flight.departures(atMost: 10)
        #expect(counts == [1, 0])
        #expect(arrived && last.count == 1)
    }

    @Test func `only the first result of an id counts, and none of a stranger's`() {
        var flight = Flight(Self.pending(1), mostUnderWay: 1, mostBytes: 100)
        let departed = flight.departures(atMost: 1)
        let arrivals = ["stranger", "0", "0"].map { flight.arrived($0) }
        #expect(departed.count == 1)
        #expect(arrivals == [false, true, false])
        #expect(flight.isDone)
    }

    @Test func `what nobody waits for goes in chunks that the embedded broker can keep`() {
        func sizes(_ bytes: [Int]) -> [Int] {
            Exchange.chunks(
                of: bytes.map { Exchange.Pending(eventID: "", bytes: [UInt8](repeating: 0, count: $0)) }
            ).map(\.count)
        }
        #expect(sizes([]) == [])
        #expect(sizes(Array(repeating: 1, count: 1001)) == [500, 500, 1])
        #expect(sizes([3 << 20, 1 << 20, 1]) == [2, 1])
        #expect(sizes([1, 5 << 20, 1]) == [1, 1, 1])
    }
}
