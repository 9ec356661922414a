import Contracts
import Glibc
import MessageBus
import Models
import StoreTesting
import Synchronization
import TestKit
import Testing

@testable import Escalator

/// Steps may have many more items than calls are in flight.
struct EscalationMemoryTests {
    private static let (steps, first, last) = (16, 100, 900)

    @Test(.timeLimit(.minutes(2)))
    func `calls that have ended hold no memory while others of their steps go on`() async {
        // A process of its own, because its memory is measured.
        await #expect(processExitsWith: .success) {
            let pages = Mutex<[Int]>([])
            // Places are taken in turn, so that all steps go on until nearly all calls are made.
            let model = ScriptedModel { _, number in
                if number == Self.first || number == Self.last { pages.withLock { $0.append(Self.residentPages()) } }
                return .answers(.label("a"))
            }
            let handler = EndpointEscalationTests().handler(model)
            let count = try await withThrowingTaskGroup(of: Int.self) { group in
                for step in 1...Self.steps {
                    let items = (0..<Limits.itemsPerStep).map {
                        Escalation.OpenItem(index: $0, text: "text \($0)", guess: nil)
                    }
                    let escalation = Escalation(
                        step: 3, route: EndpointEscalationTests.clause, open: items,
                        answers: Array(repeating: nil, count: items.count), attempts: [])
                    let record = Record.escalation(escalation, of: .numbered(UInt64(step)))
                    group.addTask { try await handler.handle(record).first?.outcome().answers.count ?? 0 }
                }
                return try await group.reduce(0, +)
            }
            #expect(count == Self.steps * Limits.itemsPerStep)
            let measured = pages.withLock(\.self)
            try #require(measured.count == 2 && measured[0] > 0)
            // A task holds 50 KB. What stays are the rows and answers of the store.
            let grown = (measured[1] - measured[0]) * sysconf(Int32(_SC_PAGESIZE)) / (Self.last - Self.first)
            #expect(grown < 12 << 10)
        }
    }

    private static func residentPages() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = fread(&bytes, 1, bytes.count, file)
        let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
    }
}
