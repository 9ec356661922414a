import Lifecycle
import Synchronization
import Telemetry
import Testing

/// The actions of services, in order, which a test can await.
private final class Journal: Sendable {
    private struct State {
        var lines: [String] = []
        var waiting: [(line: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var lines: [String] { state.withLock(\.lines) }

    func note(_ line: String) {
        let ready = state.withLock { state in
            state.lines.append(line)
            let ready = state.waiting.filter { $0.line == line }
            state.waiting.removeAll { $0.line == line }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    func wait(for line: String) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard !state.lines.contains(line) else { return true }
                state.waiting.append((line, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

private struct Fault: Error, Equatable { let name: String }

private struct Recorded: Service {
    let name: String
    let journal: Journal
    /// Thrown after the service was asked to stop.
    var lateFault = false

    func run() async throws {
        journal.note("\(name) started")
        await gracefulShutdown()
        journal.note("\(name) stopped")
        if lateFault { throw Fault(name: name) }
    }
}

private struct Failing: Service {
    let journal: Journal

    func run() async throws {
        await journal.wait(for: "a started")
        await journal.wait(for: "c started")
        throw Fault(name: "b")
    }
}

private struct Ending: Service {
    func run() async throws {}
}

@Suite(.timeLimit(.minutes(1)))
struct ServiceGroupTests {
    private let journal = Journal()
    private let shutdown = GracefulShutdown()
    private let lines = Lines()
    private var logger: Logger { Logger(service: "test") { [lines] in lines.add($0) } }

    @Test func `services stop one by one, the last one first`() async throws {
        let names = ["a", "b", "c"]
        let group = ServiceGroup(services: names.map { Recorded(name: $0, journal: journal) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { [shutdown] in try await group.run(until: shutdown) }
            for name in names { await journal.wait(for: "\(name) started") }
            shutdown.trigger()
            try await tasks.waitForAll()
        }
        #expect(journal.lines.suffix(3) == ["c stopped", "b stopped", "a stopped"])
    }

    @Test func `a service that ends by itself ends the group`() async throws {
        let group = ServiceGroup(services: [Recorded(name: "a", journal: journal), Ending()], logger: logger)
        try await group.run(until: shutdown)
        #expect(journal.lines == ["a started", "a stopped"])
    }

    @Test func `a fault stops the others gracefully and is thrown`() async throws {
        let group = ServiceGroup(
            services: [
                Recorded(name: "a", journal: journal), Failing(journal: journal), Recorded(name: "c", journal: journal),
            ], logger: logger)
        await #expect(throws: Fault(name: "b")) { try await group.run(until: shutdown) }
        #expect(journal.lines.suffix(2) == ["c stopped", "a stopped"])
    }

    @Test func `of two faults the first is thrown and both are logged`() async throws {
        let group = ServiceGroup(
            services: [
                Recorded(name: "a", journal: journal, lateFault: true), Failing(journal: journal),
                Recorded(name: "c", journal: journal),
            ], logger: logger)
        await #expect(throws: Fault(name: "b")) { try await group.run(until: shutdown) }
        #expect(lines.all.count == 2)
        #expect(lines.all.last?.contains("\\\"a\\\"") == true)
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}
