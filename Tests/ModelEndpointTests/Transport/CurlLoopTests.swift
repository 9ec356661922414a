import Foundation
import Lifecycle
import Synchronization
import Testing

@testable import ModelEndpoint

/// The loop that waits for all sockets at once: nothing is forgotten, nothing ends twice, and deadlines are kept.
@Suite struct CurlLoopTests {
    @Test(.timeLimit(.minutes(1)))
    func `transfers expire in the order of their deadlines, and those with time left go on`() async throws {
        let server = try MockServer { $0.clientHangsUp() }
        let running = try RunningLoop()
        for milliseconds in [60_000, 300, 100, 60_000, 200] {
            try running.begin(milliseconds, server.url) { $0.firstByte = .milliseconds(milliseconds) }
        }
        var ended: [Int] = []
        for await (name, result) in running.results {
            ended.append(name)
            #expect(throws: TransportError.self) { try result.get() }
            if ended.count == 3 { break }
        }
        #expect(ended == [100, 200, 300])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a deadline that only the first byte begins is kept, although the one before it was far away`() async throws {
        let server = try MockServer { exchange in
            exchange.write(Array(exchange.head(200, length: 10).utf8))
            exchange.clientHangsUp()
        }
        let running = try RunningLoop()
        try running.begin(1, server.url) { timeouts in
            timeouts.firstByte = .seconds(600)
            timeouts.whole = .seconds(600)
            timeouts.body = .milliseconds(100)
        }
        let result = await running.next()
        #expect(throws: TransportError.self) { try result?.get() }
        #expect((result?.failure as? TransportError)?.code == .tooSlow)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a stop ends every transfer, also one that has just been added`() async throws {
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        let server = try MockServer { exchange in
            arrival.yield()
            exchange.clientHangsUp()
        }
        let running = try RunningLoop()
        // Nothing but the stop wakes the loop within the time limit.
        let isPatient = { (timeouts: inout HTTPRequest.Timeouts) in
            (timeouts.firstByte, timeouts.body, timeouts.whole) = (.seconds(600), .seconds(600), .seconds(600))
        }
        for name in 0..<20 { try running.begin(name, server.url, isPatient) }
        var count = 0
        for await _ in arrived {
            count += 1
            if count == 20 { break }
        }
        try running.begin(20, server.url, isPatient)
        running.loop.stop()
        var names: Set<Int> = []
        for await (name, result) in running.results {
            names.insert(name)
            #expect(result.failure is CancellationError)
            if names.count == 21 { break }
        }
        #expect(names.count == 21)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a hundred responses that come byte by byte are read whole`() async throws {
        let body = #"{"a":"0123456789"}"#
        let gathering = Gathering(100)
        let server = try MockServer { exchange in
            let isComplete = gathering.join()
            defer { gathering.leave() }
            for byte in exchange.head(isComplete ? 200 : 500, length: body.utf8.count).utf8 + Array(body.utf8) {
                exchange.write([byte])
            }
        }
        let bodies = try await Self.bodies(of: 100, from: server.url)
        #expect(bodies == Array(repeating: body, count: 100))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a request and a response that fill the buffers of their sockets arrive whole`() async throws {
        let large = Array(repeating: UInt8(ascii: "x"), count: 3 << 20)
        let server = try MockServer { $0.respond(200, large) }
        let reply = try await CurlDriver().send(HTTPRequest(url: server.url, fields: [], body: large))
        #expect(reply.body == large)
        #expect(server.requests.first?.body == large)
    }

    @Test(.timeLimit(.minutes(2)))
    func `200 transfers that are cancelled at once end once each, and leave no connection`() async throws {
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        let (hungUp, ending) = AsyncStream<Bool>.makeStream()
        let isCalm = Mutex(false)
        let server = try MockServer { exchange in
            if isCalm.withLock(\.self) { return exchange.respond(200, "{}") }
            arrival.yield()
            ending.yield(exchange.clientHangsUp())
        }
        let driver = try CurlDriver()
        let request = HTTPRequest(url: server.url, fields: [], body: [])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await driver.send(request) }
                }
            }
            var count = 0
            for await _ in arrived {
                count += 1
                if count == 200 { break }
            }
            group.cancelAll()
        }
        var count = 0
        for await hasHungUp in hungUp {
            #expect(hasHungUp)
            count += 1
            if count == 200 { break }
        }
        isCalm.withLock { $0 = true }
        #expect(try await driver.send(request).status == 200)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a thousand short transfers over one driver are all answered`() async throws {
        let server = try MockServer { $0.respond(200, $0.request.body) }
        let driver = try CurlDriver()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<20 {
                group.addTask {
                    for turn in 0..<50 {
                        let body = Array("\(worker) \(turn)".utf8)
                        let reply = try await driver.send(HTTPRequest(url: server.url, fields: [], body: body))
                        #expect(reply.body == body)
                    }
                }
            }
            try await group.waitForAll()
        }
        // Most use a connection again.
        #expect(server.connections < 500)
    }

    private static func bodies(of count: Int, from url: String) async throws -> [String] {
        let driver = try CurlDriver()
        return try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let reply = try await driver.send(HTTPRequest(url: url, fields: [], body: []))
                    return String(decoding: reply.body, as: UTF8.self)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}

/// A loop on a thread of its own, whose transfers report in the order in which they end.
private final class RunningLoop: Sendable {
    typealias Ending = (name: Int, result: Result<HTTPReply, any Error>)

    let loop: CurlLoop
    let results: AsyncStream<Ending>
    private let ending: AsyncStream<Ending>.Continuation

    init() throws {
        // The driver starts libcurl.
        _ = try CurlDriver()
        let loop = try #require(CurlLoop())
        let thread = ThreadExecutor()
        thread.submit { loop.run() }
        thread.stop()
        self.loop = loop
        (results, ending) = AsyncStream.makeStream()
    }

    deinit { loop.stop() }

    func begin(_ name: Int, _ url: String, _ change: (inout HTTPRequest.Timeouts) -> Void = { _ in }) throws {
        var request = HTTPRequest(url: url, fields: [], body: [])
        change(&request.timeouts)
        let transfer = try CurlTransfer(request) { [ending] in ending.yield((name, $0)) }
        loop.add(transfer, as: loop.issue())
    }

    func next() async -> Result<HTTPReply, any Error>? { await results.first { _ in true }?.result }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
