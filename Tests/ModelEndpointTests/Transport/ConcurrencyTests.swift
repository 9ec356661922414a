import Foundation
import Models
import Synchronization
import Testing

@testable import ModelEndpoint

/// Many calls at once over one thread, and calls that nobody waits for any more.
@Suite struct ConcurrencyTests {
    @Test(.timeLimit(.minutes(2)))
    func `200 calls in flight reach the server at the same time`() async throws {
        // No call is answered before all have come, so a client that makes fewer at a time gets stuck.
        let gathering = Gathering(200)
        let server = try MockServer { exchange in
            let isComplete = gathering.join()
            gathering.leave()
            exchange.respond(isComplete ? 200 : 500, Replies.chat("refund"))
        }
        let rig = try Rig.over(server) { $0.gate.maxInFlight = 200 }
        let errors = await withTaskGroup(of: String?.self) { group in
            for index in 0..<200 { group.addTask { await rig.error("text \(index)")?.description } }
            return await group.reduce(into: Set<String>()) { errors, error in if let error { errors.insert(error) } }
        }
        #expect(errors == [])
        #expect(server.connections == 200)
        #expect(gathering.most == 200)
    }

    @Test(.timeLimit(.minutes(2)))
    func `no more calls than allowed are in flight, also from several callers`() async throws {
        let gathering = Gathering(4)
        let server = try MockServer { exchange in
            let isComplete = gathering.join()
            gathering.leave()
            exchange.respond(isComplete ? 200 : 500, Replies.chat("refund"))
        }
        let rig = try Rig.over(server) { $0.gate.maxInFlight = 4 }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<5 {
                group.addTask { try await rig.endpoint.answer((0..<8).map { .text("\($0)") }, as: Rig.refund).count }
            }
            for try await count in group { #expect(count == 8) }
        }
        #expect(gathering.most == 4)
        #expect(server.requests.count == 40)
        #expect(rig.figures.contains(#"winnow_endpoint_in_flight{endpoint="big"} 0"#))
    }

    @Test(.timeLimit(.minutes(2)))
    func `cancelling the task aborts the transfer, and the try may have cost something`() async throws {
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        let (hungUp, ending) = AsyncStream<Bool>.makeStream()
        let server = try MockServer { exchange in
            arrival.yield()
            ending.yield(exchange.clientHangsUp())
        }
        let rig = try Rig.over(server)
        let error = await withTaskGroup(of: ModelError?.self) { group in
            group.addTask { await rig.error("a") }
            for await _ in arrived { break }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(error?.attempts.map(\.state) == [.unknown])
        for await hasHungUp in hungUp {
            #expect(hasHungUp)
            break
        }
        // Nothing about the server follows from it.
        #expect(rig.endpoint.gate.breakerState == .closed)
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        let server = try MockServer { $0.respond(200, Replies.chat("refund")) }
        let rig = try Rig.over(server)
        let error = await withTaskGroup(of: ModelError?.self) { group in
            group.cancelAll()
            group.addTask { await rig.error("a") }
            return await group.next() ?? nil
        }
        #expect(error?.code == .cancelled)
        #expect(error?.attempts == [])
        #expect(server.requests.isEmpty)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a transfer that is cancelled at any moment ends exactly once`() async throws {
        let server = try MockServer { $0.respond(200, Replies.chat("refund")) }
        let driver = try CurlDriver()
        let request = HTTPRequest(url: server.url, fields: [], body: [])
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    await withTaskGroup(of: Void.self) { inner in
                        inner.addTask { _ = try? await driver.send(request) }
                        for _ in 0..<index { await Task.yield() }
                        inner.cancelAll()
                    }
                }
            }
        }
        // The driver still works.
        #expect(try await driver.send(request).status == 200)
    }
}
