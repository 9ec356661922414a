import BuiltInCatalog
import Contracts
import Testing

struct LaneTests {
    @Test(arguments: Lane.allCases)
    func `the lane of every topic is read from its name`(lane: Lane) {
        let topics = Topic.all(lane, of: [.legalServices])
        #expect(topics.count == 5)
        #expect(topics.allSatisfy { Lane(topic: $0) == lane && Topic.isProcessed($0) })
    }

    @Test func `the bulk lane's topics have names of their own`() {
        #expect(Topic.requests(.bulk) == "winnow.bulk-requests.v1")
        #expect(Topic.steps(.legalServices, .bulk) == "winnow.bulk-steps.legal-services.v1")
        #expect(
            Set(Topic.all(.bulk, of: [.legalServices])).isDisjoint(with: Topic.all(.interactive, of: [.legalServices])))
    }
}
