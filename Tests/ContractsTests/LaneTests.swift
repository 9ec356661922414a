import Contracts
import Testing

struct LaneTests {
    @Test(arguments: Lane.allCases)
    func `the lane of every topic is read from its name`(lane: Lane) {
        #expect(Topic.all(lane).count == 4 + Capability.requestable.count)
        #expect(Topic.all(lane).allSatisfy { Lane(topic: $0) == lane })
        #expect(Topic.processed.isSuperset(of: Topic.all(lane)))
    }

    @Test func `the bulk lane's topics have names of their own`() {
        #expect(Topic.requests(.bulk) == "winnow.bulk-requests.v1")
        #expect(Topic.steps(.legalServices, .bulk) == "winnow.bulk-steps.legal-services.v1")
        #expect(Set(Topic.all(.bulk)).isDisjoint(with: Topic.all(.interactive)))
    }
}
