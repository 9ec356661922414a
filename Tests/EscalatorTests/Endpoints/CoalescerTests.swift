import Contracts
import Store
import Synchronization
import Testing

@testable import Escalator

struct CoalescerTests {
    @Test func `what arrives during a call goes into the next one together, and each gets its own output`() async throws
    {
        let gate = Mutex<CheckedContinuation<Void, Never>?>(nil)
        let calls = Mutex<[[Int]]>([])
        let coalescer = Coalescer<Int, Int>(most: 3) { inputs in
            if calls.withLock({
                $0.append(inputs); return $0.count
            }) == 1 {
                await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
            }
            return inputs.map { $0 * 10 }
        }
        let outputs = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await coalescer.run(0) }
            while gate.withLock({ $0 == nil }) { await Task.yield() }
            for number in 1...5 { group.addTask { try await coalescer.run(number) } }
            while await coalescer.waitingCount < 5 { await Task.yield() }
            gate.withLock(\.self)?.resume()
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        #expect(outputs == [0, 10, 20, 30, 40, 50])
        #expect(calls.withLock { $0.map(\.count) } == [1, 3, 2])
    }

    @Test func `an input that fails alone does not fail the others, and an unavailable store fails all at once`()
        async throws
    {
        let calls = Mutex(0)
        let coalescer = Coalescer<Int, Int> { inputs in
            calls.withLock { $0 += 1 }
            if inputs.contains(2) { throw StoreError(.query, "bad", isRetriable: false) }
            if inputs.contains(9) { throw StoreError(.unavailable, "away", isRetriable: true) }
            return inputs
        }
        func results(_ numbers: [Int]) async -> [Int?] {
            await withTaskGroup(of: (Int, Int?).self) { group in
                for number in numbers { group.addTask { (number, try? await coalescer.run(number)) } }
                return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
            }
        }
        #expect(await results([1, 2, 3]) == [1, nil, 3])
        #expect(await results([9]) == [nil])
    }
}
