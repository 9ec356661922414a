import Contracts
import Store
import Testing

@testable import CLI

@Suite struct TenantTopicsTests {
    @Test func `the printed rights give a tenant's topics to the tenant and to Winnow's services only`() throws {
        let plan = try #require(TenantTopicsPlan(TenantID(rawValue: "acme"), principal: "User:o'neill"))
        let commands = plan.commands
        #expect(commands.allSatisfy { $0.hasPrefix("kafka-acls.sh --bootstrap-server") })
        let rights = commands.map { $0.split(separator: "--allow-principal ")[1] }
        #expect(
            rights == [
                "'User:o'\\''neill' --operation Write --operation Describe --topic winnow.requests.acme.v1 --topic winnow.bulk-requests.acme.v1",
                "'User:o'\\''neill' --operation Read --operation Describe --topic winnow.results.acme.v1",
                "'User:o'\\''neill' --operation Read --resource-pattern-type prefixed --group acme.",
                "'User:decomposer' --operation Read --operation Describe --topic winnow.requests.acme.v1 --topic winnow.bulk-requests.acme.v1",
                "'User:operator' --operation Write --operation Describe --topic winnow.requests.acme.v1 --topic winnow.bulk-requests.acme.v1",
                "'User:decomposer' --operation Write --operation Describe --topic winnow.results.acme.v1",
                "'User:aggregator' --operation Write --operation Describe --topic winnow.results.acme.v1",
            ])
    }

    @Test func `a tenant whose name cannot be in a topic gets no plan`() {
        #expect(TenantTopicsPlan(.default, principal: "User:a") == nil)
        #expect(TenantTopicsPlan(TenantID(rawValue: String(repeating: "a", count: 101)), principal: "User:a") == nil)
    }

    @Test func `a tenant's topic that the broker does not have is named, with what makes it`() {
        let tenants: Set = [TenantID(rawValue: "acme"), TenantID(rawValue: "o'neill")]
        let all = tenants.flatMap { Topic.own($0) }
        #expect(all.count == 6)
        let good = TenantTopicsCheck.finding(.success(tenants), in: all + ["a"])
        #expect(good.verdict == .good && good.finding == "those of 2 tenants exist")
        let bad = TenantTopicsCheck.finding(.success(tenants), in: all.filter { $0 != "winnow.results.acme.v1" })
        #expect(bad.verdict == .bad && bad.finding == "missing: winnow.results.acme.v1")
        #expect(bad.advice == "run winnow tenants topics 'acme'")
        #expect(TenantTopicsCheck.finding(.success([]), in: []).verdict == .good)
        let unknown = TenantTopicsCheck.finding(.failure(StoreError(.unavailable, "away", isRetriable: true)), in: all)
        #expect(unknown.verdict == .doubtful)
    }
}
