import Testing

@testable import Runtime

@Suite struct HealthTests {
    @Test func `a process without checks is ready`() {
        #expect(Health().isReady)
    }

    @Test func `one bad check is enough not to be ready, and its name is told`() {
        let health = Health()
        let broker = health.check("broker", initially: true)
        let store = health.check("store")
        #expect(!health.isReady)
        #expect(health.report.checks == ["broker": true, "store": false])
        store.set(true)
        #expect(health.isReady)
        broker.set(false)
        #expect(!health.isReady)
    }

    @Test func `asking twice for one name gives the same check`() {
        let health = Health()
        health.check("broker").set(true)
        #expect(health.check("broker", initially: false).isGood)
    }

    @Test func `draining is not ready whatever the checks say`() {
        let health = Health()
        health.check("broker").set(true)
        health.drain()
        #expect(!health.isReady)
        #expect(health.report.checks == ["broker": true])
    }

    @Test func `drained is not ready until it is resumed, and stopping stays`() {
        let health = Health()
        health.setDrained(true)
        #expect(!health.isReady)
        #expect(health.report.isDraining)
        health.setDrained(false)
        #expect(health.isReady)
        health.drain()
        health.setDrained(true)
        health.setDrained(false)
        #expect(!health.isReady)
    }
}
