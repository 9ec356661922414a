import Testing

@testable import KafkaBus

struct ProgressWatchTests {
    private let start = ContinuousClock.now
    private var watch: ProgressWatch

    init() { watch = ProgressWatch(at: start) }

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test mutating func `records are counted every 20 s while nothing comes`() {
        #expect(!watch.isDue(at: at(19)))
        #expect(watch.isDue(at: at(20)))
        #expect(watch.judge(hasLag: false, unassignedSince: nil, at: at(20)) == .fine)
        #expect(!watch.isDue(at: at(39)))
        watch.reset(at: at(39))
        #expect(!watch.isDue(at: at(58)))
        #expect(watch.isDue(at: at(59)))
    }

    @Test mutating func `a consumer is stalled after a minute in which records waited and none came`() {
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(20)) == .waiting)
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(79)) == .waiting)
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(80)) == .stalled(rejoins: true))
    }

    @Test mutating func `one record that comes begins the minute anew`() {
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(20)) == .waiting)
        watch.reset(at: at(70))
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(90)) == .waiting)
    }

    @Test mutating func `a broker that does not answer ends no stall and begins none`() {
        #expect(watch.judge(hasLag: nil, unassignedSince: nil, at: at(200)) == .waiting)
        #expect(watch.judge(hasLag: true, unassignedSince: nil, at: at(220)) == .waiting)
        #expect(watch.judge(hasLag: nil, unassignedSince: nil, at: at(280)) == .stalled(rejoins: true))
    }

    @Test mutating func `a member that gets no assignment for a minute is stalled, whatever waits`() {
        #expect(watch.judge(hasLag: false, unassignedSince: at(0), at: at(59)) == .waiting)
        #expect(watch.judge(hasLag: false, unassignedSince: at(0), at: at(60)) == .stalled(rejoins: true))
    }

    @Test mutating func `it rejoins after one, two, four and eight minutes, and not more often`() {
        var rejoins: [Int] = []
        for second in stride(from: 20, through: 1800, by: 20)
        where watch.judge(hasLag: true, unassignedSince: nil, at: at(second)) == .stalled(rejoins: true) {
            rejoins.append(second)
        }
        #expect(rejoins == [80, 140, 260, 500, 980, 1460])
    }
}
