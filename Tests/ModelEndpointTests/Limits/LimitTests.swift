import Contracts
import Testing

@testable import ModelEndpoint

@Suite struct TokenBucketTests {
    private let start = ContinuousClock.now

    @Test func `a full allowance is given at once, and what exceeds it waits its share of a minute`() {
        var bucket = TokenBucket(perMinute: 60, at: start)
        #expect(bucket.take(60, at: start) == .zero)
        #expect(bucket.take(1, at: start) == .seconds(1))
        // The next one waits behind it.
        #expect(bucket.take(1, at: start) == .seconds(2))
        #expect(bucket.take(1, at: start + .seconds(3)) == .zero)
    }

    @Test func `an unused allowance does not grow beyond a minute's`() {
        var bucket = TokenBucket(perMinute: 60, at: start)
        #expect(bucket.take(60, at: start + .seconds(600)) == .zero)
        #expect(bucket.take(6, at: start + .seconds(600)) == .seconds(6))
    }

    @Test func `a call larger than the allowance starts some time`() {
        var bucket = TokenBucket(perMinute: 60, at: start)
        #expect(bucket.take(180, at: start) == .seconds(120))
    }

    @Test func `what is given back can be taken again`() {
        var bucket = TokenBucket(perMinute: 60, at: start)
        _ = bucket.take(60, at: start)
        bucket.giveBack(50, at: start)
        #expect(bucket.take(50, at: start) == .zero)
        #expect(bucket.take(1, at: start) == .seconds(1))
    }
}

@Suite struct FairSemaphoreTests {
    @Test func `waiters get their turn in the order in which they came`() async throws {
        let semaphore = FairSemaphore(1)
        try await semaphore.take()
        let (turns, continuation) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<5 {
                group.addTask {
                    try await semaphore.take()
                    continuation.yield(index)
                    semaphore.giveBack()
                }
                while semaphore.figures.waiting <= index { await Task.yield() }
            }
            #expect(!semaphore.takeAtOnce())
            semaphore.giveBack()
            try await group.waitForAll()
        }
        continuation.finish()
        var order: [Int] = []
        for await turn in turns { order.append(turn) }
        #expect(order == [0, 1, 2, 3, 4])
        #expect(semaphore.figures == (0, 0))
    }

    @Test func `the background waits for the others, and has every fourth turn`() async throws {
        let semaphore = FairSemaphore(1)
        try await semaphore.take()
        let (turns, continuation) = AsyncStream<String>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    try await semaphore.take(inBackground: index < 3)
                    continuation.yield(index < 3 ? "back" : "front")
                    semaphore.giveBack()
                }
                while semaphore.figures.waiting <= index { await Task.yield() }
            }
            semaphore.giveBack()
            try await group.waitForAll()
        }
        continuation.finish()
        var order: [String] = []
        for await turn in turns { order.append(turn) }
        #expect(order == ["front", "front", "front", "back", "front", "front", "back", "back"])
    }

    @Test func `the background leaves reserved places free, and others take them past its waiters`() async throws {
        let semaphore = FairSemaphore(4, reserved: 2)
        #expect(semaphore.takeAtOnce(inBackground: true) && semaphore.takeAtOnce(inBackground: true))
        #expect(!semaphore.takeAtOnce(inBackground: true))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for waiting in 1...2 {
                group.addTask { try await semaphore.take(inBackground: true) }
                while semaphore.figures.waiting < waiting { await Task.yield() }
            }
            #expect(semaphore.takeAtOnce())
            #expect(semaphore.figures == (3, 2))
            // One of the background has ended: the reserved places are not all free, so it has no claim to this one.
            semaphore.giveBack()
            #expect(semaphore.figures == (2, 2))
            semaphore.giveBack()
            #expect(semaphore.figures == (2, 1), "the place beyond the reserved ones goes to the background")
            // Others come and go, and after three of their turns it has one in a reserved place.
            #expect(semaphore.takeAtOnce() && semaphore.takeAtOnce())
            semaphore.giveBack()
            #expect(semaphore.figures == (3, 1))
            #expect(semaphore.takeAtOnce())
            semaphore.giveBack()
            #expect(semaphore.figures == (4, 0))
            try await group.waitForAll()
        }
    }

    @Test(arguments: [false, true])
    func `a waiter that is cancelled leaves the line and takes no place`(isBackground: Bool) async throws {
        let semaphore = FairSemaphore(1)
        try await semaphore.take()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await semaphore.take(inBackground: isBackground)) == nil }
            while semaphore.figures.waiting < 1 { await Task.yield() }
            group.cancelAll()
            #expect(await group.next() == true)
            group.addTask { (try? await semaphore.take()) == nil }
            #expect(await group.next() == true)
        }
        #expect(semaphore.figures == (1, 0))
        semaphore.giveBack()
        #expect(semaphore.takeAtOnce())
    }
}

@Suite struct RetryScheduleTests {
    private let schedule = RetrySchedule(
        most: 4, firstDelay: .seconds(1), longestDelay: .seconds(6), longestRetryAfter: .seconds(60))
    private let now = Timestamp(milliseconds: 784_111_777_000)

    @Test func `pauses double up to the longest one, and jitter shortens them by up to a half`() {
        let longest = (1...5).map { schedule.delay(afterTries: $0, retryAfter: nil, jitter: 1) }
        #expect(longest == [.seconds(1), .seconds(2), .seconds(4), .seconds(6), nil])
        let shortest = (1...4).map { schedule.delay(afterTries: $0, retryAfter: nil, jitter: 0) }
        #expect(shortest == [.seconds(0.5), .seconds(1), .seconds(2), .seconds(3)])
    }

    @Test func `a pause that the server asks for is kept, and one that is too long is not waited for`() {
        #expect(schedule.delay(afterTries: 1, retryAfter: .seconds(30), jitter: 0) == .seconds(30))
        #expect(schedule.delay(afterTries: 1, retryAfter: .seconds(30), jitter: 1) == .seconds(31))
        #expect(schedule.delay(afterTries: 1, retryAfter: .seconds(61), jitter: 0) == nil)
        #expect(schedule.delay(afterTries: 5, retryAfter: .seconds(1), jitter: 0) == nil)
    }

    @Test(arguments: [
        ("7", Duration.seconds(7)), ("0", .zero), ("Sun, 06 Nov 1994 08:49:47 GMT", .seconds(10)),
        ("Sunday, 06-Nov-94 08:49:47 GMT", .seconds(10)), ("Sun Nov  6 08:49:47 1994", .seconds(10)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", .zero),
    ])
    func `seconds and the three forms of HTTP dates are understood`(field: String, expected: Duration) {
        #expect(RetrySchedule.retryAfter(field, date: nil, now: now) == expected)
    }

    @Test func `a date is compared with the server's own clock`() {
        let later = RetrySchedule.retryAfter(
            "Sun, 06 Nov 1994 08:49:47 GMT", date: "Sun, 06 Nov 1994 08:49:42 GMT",
            now: now.adding(milliseconds: 3_600_000))
        #expect(later == .seconds(5))
    }

    @Test(arguments: ["", "soon", "-1", "1.5", "99999999999999999999"])
    func `anything else asks for nothing`(field: String) {
        #expect(RetrySchedule.retryAfter(field, date: nil, now: now) == nil)
    }
}
