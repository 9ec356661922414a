import Contracts
import Testing

@testable import CLI

@Suite struct TenantTopicsTests {
    @Test func `every right that makes the topics the tenant's is printed, and none that anybody else has`() throws {
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

    @Test func `a tenant that can have no topics has no plan`() {
        #expect(TenantTopicsPlan(.default, principal: "User:a") == nil)
        #expect(TenantTopicsPlan(TenantID(rawValue: String(repeating: "a", count: 101)), principal: "User:a") == nil)
    }
}
