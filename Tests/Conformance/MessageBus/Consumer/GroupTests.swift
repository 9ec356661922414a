import MessageBus
import Testing

@Suite(.timeLimit(.minutes(1)))
struct GroupTests {
    @Test(arguments: BusUnderTest.allCases)
    func `a batch holds at least one record and never more than its bound`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        try await rig.send(95)
        let consumer = try rig.consumer(maxBatch: 10)
        var sizes: [Int] = []
        while sizes.reduce(0, +) < 95, let batch = try await consumer.nextBatch() { sizes.append(batch.count) }
        #expect(sizes.reduce(0, +) == 95)
        #expect(sizes.allSatisfy { (1...10).contains($0) })
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `after a close, the next member continues after the commit and gets uncommitted records again`(
        bus: BusUnderTest
    ) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(20)
        let first = try rig.consumer(maxBatch: 5)
        let done = try await first.take(5)
        try await first.commit(done)
        let lost = try await first.take(1)
        await first.close()
        #expect(lost.first?.number == done.count)

        let second = try rig.consumer()
        #expect(try await second.take(20 - done.count).compactMap(\.number) == Array(done.count..<20))
        await second.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a commit for partitions that are lost is no fault and changes nothing`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        try await rig.send(20)
        let first = try rig.consumer()
        let received = try await first.take(20)
        await first.close()
        try await first.commit(received)
        let second = try rig.consumer()
        #expect(try await second.take(20).count == 20)
        await second.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `nothing comes while paused and nothing is missing after resume`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        try await rig.send(100)
        let consumer = try rig.consumer(maxBatch: 7)
        var received = try await consumer.take(7)
        await consumer.pause()
        try await rig.producer.send((100..<120).map { rig.record("key-\($0)", "\($0)") })
        let late = try await withThrowingTaskGroup(of: [Record].self) { group in
            group.addTask { try await consumer.nextBatch() ?? [] }
            // Only the resume can end the wait.
            await consumer.resume()
            return try await group.next() ?? []
        }
        received += late
        received += try await consumer.take(120 - received.count)
        #expect(received.compactMap(\.number).sorted() == Array(0..<120))
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `stop ends a wait that is under way and every one after it`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        try await rig.send(1)
        let consumer = try rig.consumer()
        _ = try await consumer.take(1)
        async let waiting = consumer.nextBatch()
        consumer.stop()
        #expect(try await waiting == nil)
        #expect(try await consumer.nextBatch() == nil)
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a cancelled task stops its consumer`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig()
        let consumer = try rig.consumer()
        let ended = try await withThrowingTaskGroup(of: [Record]?.self) { group in
            group.addTask { try await consumer.nextBatch() }
            group.cancelAll()
            return try await group.next()
        }
        #expect(ended == .some(nil))
        await consumer.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `two members share the partitions and together get everything`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 4)
        let members = [try rig.consumer(), try rig.consumer()]
        let tally = Tally()
        // Writes until both members have received records: a late member must get its share.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, member) in members.enumerated() {
                group.addTask { try await tally.take(from: member, as: index) }
            }
            var sent = 0
            while tally.members < 2 {
                let next = sent
                try await rig.producer.send((next..<next + 8).map { rig.record("key-\($0)", "\($0)") })
                sent += 8
                await tally.waitFor(count: sent)
            }
            for member in members { member.stop() }
            try await group.waitForAll()
            #expect(tally.numbers.isSuperset(of: 0..<sent))
        }
        for member in members { await member.close() }
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a member that leaves hands over its partitions without loss or repetition, and gets some when it rejoins`(
        bus: BusUnderTest
    ) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        try await rig.send(20)
        let leaver = try rig.consumer()
        let done = try await leaver.take(20)
        try await leaver.commit(done)
        #expect(leaver.partitionCount == 2)
        let tally = Tally()
        let (gone, continuation) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            leaver.leave { continuation.finish() }
            group.addTask { try await tally.take(from: leaver, as: 0) }
            for await _ in gone {}
            #expect(leaver.partitionCount == 0)
            try await rig.producer.send((20..<40).map { rig.record("key-\($0)", "\($0)") })
            let stayer = try rig.consumer()
            group.addTask { try await tally.take(from: stayer, as: 1) }
            await tally.waitFor(count: 20)
            #expect(tally.numbers == Set(20..<40))
            #expect(tally.members == 1)
            leaver.rejoin()
            var sent = 40
            while tally.members < 2 {
                let next = sent
                try await rig.producer.send((next..<next + 8).map { rig.record("key-\($0)", "\($0)") })
                sent += 8
                await tally.waitFor(count: sent - 20)
            }
            leaver.stop()
            stayer.stop()
            try await group.waitForAll()
            #expect(tally.numbers == Set(20..<sent))
            await stayer.close()
        }
        await leaver.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `returned records are committed before their partitions are given up`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 1)
        try await rig.send(10)
        let leaver = try rig.consumer(maxBatch: 4)
        let batch = try await leaver.take(1)
        leaver.leave {}
        #expect(leaver.partitionCount == 1)
        try await leaver.commit(batch)
        async let over = leaver.nextBatch()
        let heir = try rig.consumer()
        #expect(try await heir.take(10 - batch.count).compactMap(\.number) == Array(batch.count..<10))
        leaver.stop()
        #expect(try await over == nil)
        await leaver.close()
        await heir.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `records are held until their partitions go`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 2)
        try await rig.send(10)
        let leaver = try rig.consumer()
        let batch = try await leaver.take(1)
        #expect(leaver.held(batch) == batch)
        let (gone, continuation) = AsyncStream.makeStream(of: Void.self)
        leaver.leave { continuation.finish() }
        async let over = leaver.nextBatch()
        for await _ in gone {}
        #expect(leaver.held(batch) == [])
        leaver.stop()
        #expect(try await over == nil)
        await leaver.close()
    }

    @Test(arguments: BusUnderTest.allCases)
    func `a member that is told to leave and at once to rejoin loses nothing`(bus: BusUnderTest) async throws {
        let rig = try await bus.makeRig(partitions: 3)
        try await rig.send(60)
        let consumer = try rig.consumer(maxBatch: 10)
        let first = try await consumer.take(10)
        try await consumer.commit(first)
        let tally = Tally()
        tally.add(first, by: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tally.take(from: consumer, as: 0) }
            for _ in 0..<5 {
                consumer.leave {}
                consumer.rejoin()
            }
            await tally.waitFor(count: 60)
            consumer.stop()
            try await group.waitForAll()
        }
        #expect(tally.numbers == Set(0..<60))
        await consumer.close()
    }
}
