import BuiltInCatalog
import Contracts
import Store
import Testing

@testable import PostgresStore

@Suite struct RoleTests {
    /// Runs a script as a role, and returns the error.
    private func refusal(_ script: String, as role: String, in database: TestDatabase) async throws -> String? {
        do {
            try await database.run("SET ROLE \(role); \(script)")
            return nil
        } catch let error as StoreError {
            return (error.underlying as? PostgresFault)?.sqlState
        }
    }

    @Test func `operators read ops and nothing else`() async throws {
        try await TestDatabase.with { database in
            try await database.run(
                """
                DO $$ BEGIN GRANT winnow_ops TO CURRENT_USER; EXCEPTION WHEN OTHERS THEN NULL; END $$;
                INSERT INTO winnow.tenant (tenant_id) VALUES ('acme')
                """)
            let views = try await database.column("SELECT viewname FROM pg_views WHERE schemaname = 'ops' ORDER BY 1")
            #expect(
                views == [
                    "agreement", "avoided_compute", "budget", "capability_cost", "capability_use", "catalog_version",
                    "certificate", "certificate_agreement", "daily_cost", "endpoint", "endpoint_recent", "focus_cost",
                    "instance", "platform_cost", "price",
                    "request", "request_timeline", "savings", "savings_total", "tenant", "tenant_agreement",
                    "tenant_revocation", "tenant_topic",
                ])
            for view in views {
                #expect(try await refusal("SELECT * FROM ops.\(view)", as: "winnow_ops", in: database) == nil)
            }
            let forbidden = [
                "SELECT * FROM winnow.request", "SELECT * FROM winnow.step", "SELECT * FROM winnow.attempt",
                "SELECT * FROM winnow.tenant", "SELECT * FROM winnow.price", "SELECT * FROM winnow.schema_migration",
                "UPDATE ops.request SET error = ''", "DELETE FROM ops.request", "CREATE TABLE ops.mine ()",
                "CREATE TABLE public.mine ()", "SELECT winnow.maintain_partitions(1, 1)", "SELECT winnow.grant_roles()",
            ]
            for statement in forbidden {
                #expect(
                    try await refusal(statement, as: "winnow_ops", in: database) == "42501", "\(statement)")
            }
        }
    }

    @Test func `an operator who may act disposes of dead letters, cancels, certifies, and sees no payload`()
        async throws
    {
        try await TestDatabase.with { database in
            try await database.run(
                "DO $$ BEGIN GRANT winnow_operator TO CURRENT_USER; EXCEPTION WHEN OTHERS THEN NULL; END $$")
            let operating = database.settings.options([(name: "role", value: "winnow_operator")])
            let place = DeadLetterRegister.Place(topic: "t", partition: 0, offset: 1, writtenAt: Fixture.noon)
            try await DeadLetterRegister(operating).dispose(of: [place], as: .discarded)
            #expect(try await DeadLetterRegister(operating).disposed(of: [place]) == [place])
            try await PostgresStore(operating).requestCancellation(of: [Fixture.id()], at: Fixture.noon)
            _ = try await OperationsReader(operating).savings()
            let submission = Submission(tenant: .default, eventID: "a", body: [0x7B, 0x7D])
            for _ in 0..<2 { _ = try await PostgresStore(operating).submit([submission]) }
            try await PostgresStore(operating).submitAgain([submission], answeredBefore: Fixture.noon)
            let certificate = Fixture.certificate("1")
            try await PostgresStore(operating).registerCertificates([certificate])
            #expect(try await PostgresStore(operating).revoke(certificate.id, for: nil, why: "drift", at: Fixture.noon))
            try await PostgresStore(operating).addPrice(
                of: "full", inputToken: PicoDollars(1), outputToken: .zero, from: nil)
            try await PostgresStore(operating).setBudget(
                Budget(tenant: .default, period: .day, limit: PicoDollars(1), policy: .fail))
            #expect(try await PostgresStore(operating).removeBudget(of: .default, .day))
            _ = try await OperationsReader(operating).budgets(of: nil)
            try await PostgresStore(operating).addPlatformRate(coreHour: PicoDollars(1), from: nil)
            for isTest in [true, false] { try await PostgresStore(operating).setTest(isTest, of: .default) }
            try await PostgresStore(operating).giveOwnTopics(to: TenantID(rawValue: "acme"))
            #expect(try await PostgresStore(operating).takeOwnTopics(from: TenantID(rawValue: "acme")))
            #expect(try await Migrator(operating).status().allSatisfy { $0.appliedAt != nil })
            #expect(
                try await PostgresStore(operating).cancelRequests(
                    of: TenantID(rawValue: "nobody"), before: .now, at: .now) == 0)
            #expect(
                try await PostgresStore(operating).erasePayload(of: TenantID(rawValue: "nobody"), before: .now) == 0)
            try await PostgresStore(operating).setWeight(7, of: .default)
            #expect(try await PostgresStore(operating).cancelWaiting("a", of: nil, at: Fixture.noon) == [.default])
            #expect(
                try await OperationsReader(operating).tenants().rows == [
                    [TenantID.default.rawValue, "7", "0", "1", "no"]
                ])
            for statement in [
                "UPDATE winnow.certificate SET task = ''", "DELETE FROM winnow.certificate_revocation",
                "SELECT * FROM winnow.step", "SELECT body FROM winnow.submission", "SELECT error FROM winnow.request",
                "DELETE FROM winnow.dead_letter_disposition", "UPDATE winnow.budget SET tenant_id = ''",
                "UPDATE winnow.dead_letter_disposition SET topic = ''",
            ] {
                #expect(
                    try await refusal(statement, as: "winnow_operator", in: database) == "42501", "\(statement)")
            }
        }
    }

    @Test func `a service has the rights that it needs and no others`() async throws {
        try await TestDatabase.with { database in
            for role in ["winnow_decomposer", "winnow_escalator", "winnow_aggregator"] {
                try await database.run(
                    "DO $$ BEGIN GRANT \(role) TO CURRENT_USER; EXCEPTION WHEN OTHERS THEN NULL; END $$")
            }
            let store = { (role: String) in PostgresStore(database.settings.options([(name: "role", value: role)])) }
            let snapshot = Fixture.snapshot()
            let submission = Submission(tenant: .default, eventID: "a", body: [0x7B, 0x7D])
            _ = try await store("winnow_decomposer").accept(
                [.init(snapshot: snapshot, entries: [Fixture.entry(snapshot.id)])], parking: [Parking(submission)])
            try await PostgresStore(database.settings).setBudget(
                Budget(tenant: .default, period: .month, limit: PicoDollars(5), policy: .fail))
            #expect(try await store("winnow_escalator").reserve([Fixture.entry(snapshot.id, kind: .full)]).count == 1)
            let calls = try await store("winnow_escalator").start([Fixture.entry(snapshot.id, kind: .full)])
            let question = QuestionDigest([1])
            try await store("winnow_escalator").settle(
                calls, keeping: calls.map { PaidAnswer(step: $0.step, question: question, answers: []) })
            let aggregator = store("winnow_aggregator")
            let after = try await aggregator.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(after.first?.state == .completed)
            try await aggregator.maintainPartitions(daysAhead: 3)
            try await aggregator.foldCosts()
            _ = try await aggregator.abandonCalls(olderThan: .zero, limit: 10)
            let redrive = RequestChange(
                request: snapshot.id, progressedAt: Fixture.noon, redriveAt: Fixture.noon, owed: [.state])
            _ = try await aggregator.update([snapshot.id]) { _ in [redrive] }
            try await aggregator.postponeRedrive(of: [snapshot.id], until: Fixture.noon)
            #expect(try await aggregator.stalled(now: .now, since: .now, bulkSince: .now, limit: 10).isEmpty)
            #expect(try await aggregator.pastDeadline(at: .now, limit: 10).isEmpty)
            let owed = try await aggregator.owedEmissions(limit: 10)
            #expect(owed.map(\.request) == [snapshot.id])
            try await aggregator.forgetEmissions(owed)
            #expect(try await store("winnow_decomposer").tenantsWithOwnTopics().isEmpty)
            let turn = SubmissionTurn(now: .now, resendBefore: Fixture.noon, limit: 10, window: 10)
            #expect(try await store("winnow_decomposer").next(turn).count == 1)
            try await store("winnow_decomposer").forget([submission.key])
            #expect(try await aggregator.requestedCancellations(limit: 1).isEmpty)
            try await aggregator.forgetCancellations(of: [snapshot.id])
            try await aggregator.note([Fixture.instance("a")])
            try await aggregator.forgetInstances(silentSince: Fixture.noon)
            #expect(try await aggregator.instances().map(\.id.description) == ["a"])
            #expect(try await aggregator.standingCertificates().isEmpty)
            let comparison = ShadowComparison(
                step: Step.ID(request: snapshot.id, ordinal: 0), item: 0, tenant: .default, text: "a",
                route: Route(.legalServices, "clause-type"), smallModel: "small@7", fullModel: "full@1",
                certificate: Fixture.certificate("1").id, probability: 1,
                confidence: 1, agrees: true, decidedAt: Fixture.noon, comparedAt: Fixture.noon)
            let escalator = store("winnow_escalator")
            let text = ShadowText(
                certificate: comparison.certificate, fullModel: "full@1", tenant: .default, text: "a")
            #expect(try await escalator.compared(among: [text]).isEmpty)
            try await escalator.settle([], comparing: [comparison])
            let judged = try await aggregator.judge(limit: 1) { evidence in
                AgreementVerdict(
                    agreements: evidence.samples.map {
                        Agreement(scope: $0.scope, compared: 1, disagreed: 0, value: 1, low: 0, high: 1)
                    },
                    revocations: [nil, TenantID.default].map {
                        Revocation(of: comparison.certificate, for: $0, reason: "drift", at: Fixture.noon)
                    })
            }
            #expect(judged.evidence.samples.count == 1)
            #expect(judged.revoked.isEmpty)
            for tenant in [nil, TenantID.default] {
                #expect(
                    try await !aggregator.revoke(
                        Fixture.certificate("1").id, for: tenant, why: "drift", at: Fixture.noon))
            }
            #expect(try await aggregator.revokedTenants(of: [Fixture.certificate("1").id]).isEmpty)
            #expect(
                try await refusal("SELECT * FROM winnow.text_key", as: "winnow_escalator", in: database) == "42501")
            await #expect(throws: StoreError.self) {
                try await aggregator.registerCertificates([Fixture.certificate("1")])
            }
            await #expect(throws: StoreError.self) {
                try await store("winnow_escalator").accept([.init(snapshot: Fixture.snapshot("other"))])
            }
            try await aggregator.applyRetention()
            #expect(try await aggregator.suiteFigures().costs[.worker] == PicoDollars(10))
            let forbidden = [
                ("winnow_aggregator", "DELETE FROM winnow.attempt"),
                ("winnow_aggregator", "UPDATE winnow.price SET model = ''"),
                // No service may change the identifying columns of a row.
                ("winnow_aggregator", "UPDATE winnow.request SET tenant_id = ''"),
                ("winnow_aggregator", "UPDATE winnow.request SET event_id = ''"),
                ("winnow_aggregator", "UPDATE winnow.step SET task = ''"),
                ("winnow_aggregator", "UPDATE winnow.step SET depends_on = '{}'"),
                ("winnow_aggregator", "UPDATE winnow.attempt SET cost_pico_usd = 0"),
                ("winnow_aggregator", "UPDATE winnow.shadow_tally SET compared = 0"),
                ("winnow_aggregator", "SELECT body FROM winnow.submission"),
                ("winnow_escalator", "UPDATE winnow.attempt SET tenant_id = ''"),
                ("winnow_escalator", "UPDATE winnow.attempt SET kind = 'worker'"),
                ("winnow_escalator", "UPDATE winnow.budget SET limit_pico_usd = 0"),
                ("winnow_escalator", "UPDATE winnow.shadow_tally SET certificate_id = ''"),
            ]
            for (role, statement) in forbidden {
                #expect(try await refusal(statement, as: role, in: database) == "42501", "\(role): \(statement)")
            }
        }
    }
}
