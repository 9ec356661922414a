import Testing

@testable import Certification

struct ObservationTests {
    @Test(arguments: [nil, Observation.Right(small: false, full: true)])
    func `what is recorded is read again, to the last bit`(right: Observation.Right?) {
        let observation = Observation(
            hash: .max - 2, confidence: 0.970_000_000_000_1, agrees: true, right: right)
        #expect(Observation(decoding: observation.encode()) == observation)
    }

    @Test(arguments: ["", "[]", "{}", #"{"hash":"x","confidence":1,"agrees":true}"#, #"{"hash":"1","confidence":1}"#])
    func `bytes that are not an observation are refused`(text: String) {
        #expect(Observation(decoding: Array(text.utf8)) == nil)
    }

    @Test func `a text has the same hash everywhere, and tenths are even`() {
        #expect(ItemHash.of("") == SeededGenerator.mixed(0xCBF2_9CE4_8422_2325))
        let first = (0..<10_000).count { ItemHash.of("item \($0)") % 10 == 0 }
        #expect((850...1150).contains(first))
    }

    @Test func `a tally counts what reaches its threshold`() {
        let items = [0.9, 0.5, 0.7, 0.7].enumerated().map { number, confidence in
            Observation(hash: UInt64(number), confidence: confidence, agrees: number != 2)
        }
        let tallies = Tally.counts(items, at: [1, 0.9, 0.7, 0.6, 0])
        let expected = [(0, 0), (1, 0), (3, 1), (3, 1), (4, 1)].map { Tally(accepted: $0.0, disagreements: $0.1) }
        #expect(tallies == expected)
    }
}
