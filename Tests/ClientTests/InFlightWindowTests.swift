import Contracts
import Testing

@testable import Client

struct InFlightWindowTests {
    private static func pending(_ count: Int, bytes: Int = 10) -> [PendingRequest] {
        (0..<count).map { PendingRequest(eventID: "\($0)", body: [UInt8](repeating: 0x20, count: bytes)) }
    }

    @Test func `no more requests are sent than may be in flight, and each result makes room for one`() {
        var window = InFlightWindow(Self.pending(5), mostUnderWay: 2, mostBytes: 1000)
        let first = window.departures(atMost: 10), none = window.departures(atMost: 10)
        let arrived = window.arrived("1"), next = window.departures(atMost: 10)
        #expect(first.map(\.eventID) == ["0", "1"])
        #expect(none.isEmpty && arrived)
        #expect(next.map(\.eventID) == ["2"])
        #expect(Set(window.underWay.map(\.eventID)) == ["0", "2"])
    }

    @Test func `ids that differ in their bytes alone are two requests`() {
        let ids = ["caf\u{E9}", "cafe\u{301}"].map { EventID($0) }
        var window = InFlightWindow(ids.map { .init(eventID: $0, body: [1]) }, mostUnderWay: 9, mostBytes: 99)
        let departed = window.departures(atMost: 9)
        #expect(departed.map(\.eventID) == ids)
        let arrivals = ids.map { window.arrived($0) }
        #expect(arrivals == [true, true])
        #expect(window.isDone)
    }

    @Test func `a request larger than the whole window is sent alone`() {
        var window = InFlightWindow(Self.pending(2, bytes: 500), mostUnderWay: 10, mostBytes: 100)
        let counts = [window.departures(atMost: 10).count, window.departures(atMost: 10).count]
        let arrived = window.arrived("0"), last = window.departures(atMost: 10)
        #expect(counts == [1, 0])
        #expect(arrived && last.count == 1)
    }

    @Test func `only the first result of an id counts, and no result of another tenant`() {
        var window = InFlightWindow(Self.pending(1), mostUnderWay: 1, mostBytes: 100)
        let departed = window.departures(atMost: 1)
        let arrivals = ["stranger", "0", "0"].map { window.arrived($0) }
        #expect(departed.count == 1)
        #expect(arrivals == [false, true, false])
        #expect(window.isDone)
    }

    @Test func `requests without a wait are sent in chunks that the embedded broker can hold`() {
        func sizes(_ bytes: [Int]) -> [Int] {
            Client.chunks(
                of: bytes.map { PendingRequest(eventID: "", body: [UInt8](repeating: 0, count: $0)) }
            ).map(\.count)
        }
        #expect(sizes([]) == [])
        #expect(sizes(Array(repeating: 1, count: 1001)) == [500, 500, 1])
        #expect(sizes([3 << 20, 1 << 20, 1]) == [2, 1])
        #expect(sizes([1, 5 << 20, 1]) == [1, 1, 1])
    }
}
