import Contracts
import Lifecycle
import Synchronization
import Testing

@testable import Delivery

@Suite(.timeLimit(.minutes(1)))
struct LaneGateTests {
    private let gate = LaneGate()
    private let order = Order()

    @Test func `bulk work waits for the interactive batch in hand`() async {
        let (begun, done) = (Signal(), Signal())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hold("interactive", begun, done) }
            await begun.wait()
            // Runs until it waits.
            group.addImmediateTask { await gate.pass(.bulk) { order.note("bulk") } }
            #expect(order.notes == ["interactive begins"])
            done.fire()
        }
        #expect(order.notes == ["interactive begins", "interactive ends", "bulk"])
    }

    @Test func `retaking a gate that was never released holds nobody back after the batch`() async {
        let (begun, taken) = (Signal(), Signal())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await gate.pass(.interactive) {
                    begun.fire()
                    await taken.wait()
                    gate.retake()
                }
            }
            await begun.wait()
            group.addImmediateTask { await gate.pass(.bulk) { order.note("bulk") } }
            taken.fire()
        }
        #expect(order.notes == ["bulk"])
    }

    @Test func `the bulk lane waits for current batches only, so it gets its turn under any load`() async {
        let (firstBegun, firstDone, nextBegun, nextDone) = (Signal(), Signal(), Signal(), Signal())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await hold("first", firstBegun, firstDone)
                await hold("next", nextBegun, nextDone)
            }
            await firstBegun.wait()
            group.addImmediateTask {
                await gate.giveWay()
                // Only now may the next one end.
                await nextBegun.wait()
                order.note("bulk")
                nextDone.fire()
            }
            firstDone.fire()
        }
        #expect(order.notes == ["first begins", "first ends", "next begins", "bulk", "next ends"])
    }

    @Test func `the bulk lane waits for all interactive batches in progress`() async {
        let (first, second) = (Signal(), Signal()), (begun, begunToo) = (Signal(), Signal())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hold("first", begun, first) }
            await begun.wait()
            group.addTask { await hold("second", begunToo, second) }
            await begunToo.wait()
            group.addImmediateTask { await gate.pass(.bulk) { order.note("bulk") } }
            group.addTask {
                first.fire()
                second.fire()
            }
        }
        #expect(order.notes.last == "bulk")
    }

    @Test func `interactive work waits for nobody`() async {
        await gate.pass(.bulk) {
            await gate.pass(.interactive) { order.note("interactive") }
            order.note("bulk")
        }
        #expect(order.notes == ["interactive", "bulk"])
    }

    @Test func `a stop ends the wait, so that the bulk batch is finished`() async {
        let (begun, done, shutdown) = (Signal(), Signal(), GracefulShutdown())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await hold("interactive", begun, done) }
            await begun.wait()
            group.addTask {
                await GracefulShutdown.$current.withValue(shutdown) { await gate.giveWay() }
                order.note("bulk")
                done.fire()
            }
            shutdown.trigger()
        }
        #expect(order.notes == ["interactive begins", "bulk", "interactive ends"])
    }

    @Test func `a batch that fails is done, too`() async {
        struct Fault: Error {}
        await #expect(throws: Fault.self) { try await gate.pass(.interactive) { throw Fault() } }
        await gate.giveWay()
    }

    private func hold(_ name: String, _ begun: Signal, _ done: Signal) async {
        await gate.pass(.interactive) {
            order.note("\(name) begins")
            begun.fire()
            await done.wait()
            order.note("\(name) ends")
        }
    }
}

/// The events, in order.
final class Order: Sendable {
    private let written = Mutex<[String]>([])

    var notes: [String] { written.withLock(\.self) }

    func note(_ text: String) { written.withLock { $0.append(text) } }
}
