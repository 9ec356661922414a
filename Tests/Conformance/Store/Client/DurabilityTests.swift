import Testing

@testable import PostgresStore

@Suite struct DurabilityTests {
    private func risks(
        _ synchronousCommit: String = "on", fsync: Bool = true, names: String = "*", standbys: Int = 1
    ) -> [String] {
        Durability(
            synchronousCommit: synchronousCommit, syncsToDisk: fsync, synchronousStandbys: names, standbys: standbys
        ).risks
    }

    @Test func `a server that commits to a standby has no risk`() {
        #expect(risks() == [])
        #expect(risks("remote_apply") == [])
    }

    @Test func `each setting that loses acknowledged transactions is a risk of its own`() {
        #expect(risks(fsync: false).count == 1)
        #expect(risks("off").count == 1)
        #expect(risks("local").count == 1)
        #expect(risks(names: "").first?.contains("no commit waits") == true)
        #expect(risks(names: "", standbys: 0).first?.contains("no standby") == true)
        // Without a standby to wait for, `local` is the strongest level.
        #expect(risks("local", names: "").count == 1)
        #expect(risks("off", fsync: false, names: "", standbys: 0).count == 3)
    }

    @Test func `an operator reads what the server does`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                "DO $$ BEGIN GRANT winnow_operator TO CURRENT_USER; EXCEPTION WHEN OTHERS THEN NULL; END $$")
            let durability = try await OperationsReader(
                database.settings.options([
                    (name: "role", value: "winnow_operator"), (name: "synchronous_commit", value: "off"),
                ])
            ).durability()
            #expect(durability.synchronousCommit == "off")
            #expect(durability.syncsToDisk == (try await database.column("SELECT current_setting('fsync')") == ["on"]))
            #expect(durability.risks.contains { $0.contains("synchronous_commit is off") })
        }
    }
}
