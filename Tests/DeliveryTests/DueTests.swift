import Lifecycle
import MessageBus
import TestKit
import Testing

@testable import Delivery

/// Records that may not be handled yet.
@Suite(.timeLimit(.minutes(1)))
struct DueTests {
    @Test func `records that are not due wait in a paused member of the group`() async throws {
        let (waiting, due) = (Signal(), Signal())
        let rig = Rig(
            wait: Wait {
                waiting.fire()
                await due.wait()
                return true
            })
        try await rig.send(["a"])
        try await rig.run {
            await waiting.wait()
            await rig.journal.wait(for: .paused)
            #expect(rig.journal.entries == [.ready(true), .polled(1), .paused])
            due.fire()
            await rig.committed(1)
        }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(1), .paused, .resumed, .handled(1), .sent(1), .committed(1), .ready(false),
                .closed,
            ])
    }

    @Test func `records whose partition went to another member while they waited are that member's`() async throws {
        let (waiting, due) = (Signal(), Signal())
        let rig = Rig(
            wait: Wait {
                waiting.fire()
                await due.wait()
                return true
            })
        try await rig.send(["a"])
        try await rig.run {
            await waiting.wait()
            await rig.journal.wait(for: .paused)
            rig.script.losePartitions()
            due.fire()
            await rig.journal.wait(for: .resumed)
        }
        #expect(rig.journal.count(.handled(1)) == 0)
        #expect(rig.emitted.isEmpty)
    }

    @Test func `a stop while records are not due leaves without a commit`() async throws {
        let shutdown = GracefulShutdown()
        let rig = Rig(
            shutdown: shutdown,
            wait: Wait {
                shutdown.trigger()
                return false
            })
        try await rig.send(["a"])
        try await rig.run()
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
        #expect(rig.journal.entries.last == .closed)
    }

    @Test func `a short wait leaves the partitions as they are`() async throws {
        let rig = Rig(wait: Wait { true }, pausesAfter: .seconds(3600))
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(1), .handled(1), .sent(1), .committed(1), .ready(false), .closed,
            ])
    }
}
