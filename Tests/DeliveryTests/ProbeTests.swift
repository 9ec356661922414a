import Delivery
import Lifecycle
import Store
import Synchronization
import Testing

struct ProbeTests {
    @Test func `readiness follows what the dependency says, until the service is stopped`() async throws {
        let shutdown = GracefulShutdown()
        let away = StoreError(.unavailable, "away", isRetriable: true)
        let answers = Mutex<[StoreError?]>([nil, away, away, nil])
        let told = Mutex<[Bool]>([])
        let probe = Probe(interval: .zero) { isReady in
            let count = told.withLock { told in
                told.append(isReady)
                return told.count
            }
            if count == 4 { shutdown.trigger() }
        } check: {
            if let fault = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw fault }
        }
        try await GracefulShutdown.$current.withValue(shutdown) { try await probe.run() }
        #expect(told.withLock { Array($0.prefix(4)) } == [true, false, false, true])
    }
}
