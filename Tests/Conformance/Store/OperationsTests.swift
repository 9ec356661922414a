import Contracts
import PostgresStore
import Store
import Testing

@Suite struct OperationsTests {
    @Test func `operators see what was spent and saved, and what happened`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot("order-7")
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            _ = try await store.start([Fixture.entry(snapshot.id, number: 2, kind: .full, cost: 100)])
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }

            let reader = OperationsReader(database.settings)
            let savings = try await reader.savings()
            #expect(
                savings.rows == [
                    [
                        "110", "770", "660", "0.000000000110", "0.000000000770", "0.000000000660", "0.8571", "0.2000",
                    ]
                ])
            for grouping in CostGrouping.allCases {
                let costs = try await reader.costs(by: grouping)
                #expect(costs.columns.first?.name == grouping.rawValue)
                #expect(costs.rows.count == 1)
                #expect(costs.rows.first?.dropFirst().prefix(2) == ["2", "2"])
            }
            #expect(try await reader.costs(by: .task).rows.first?.first == "legal-services/clause-type")

            let timeline = try await reader.timeline(of: "order-7")
            #expect(timeline == (try await reader.timeline(of: snapshot.id.description)))
            #expect(
                timeline.rows.map { $0[3] } == [
                    "request accepted", "call settled", "call started", "step dispatched", "step answered",
                    "request completed",
                ])
            #expect(timeline.rows[1][5]?.contains("worker legal-services-clause-type@1, 1 items") == true)
            #expect(try await reader.timeline(of: "unknown").rows == [])
        }
    }
}
