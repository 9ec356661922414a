import BuiltInCatalog
import Contracts
import Testing

struct IdentifierTests {
    private let time = Timestamp(milliseconds: 0x0123_4567_89AB)

    @Test func `a request id is a UUID of version 7 that begins with its time`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let text = Request.ID(acceptedAt: time, using: &generator).description
            #expect(text.count == 36)
            #expect(text.hasPrefix("01234567-89ab-7"))
            #expect(["8", "9", "a", "b"].contains(text.dropFirst(19).first))
            #expect(Request.ID(text)?.description == text)
        }
    }

    @Test func `ids of later times are greater and ids of one time differ`() {
        var generator = SystemRandomNumberGenerator()
        let times = [0, 1, 255, 256, 65_535, 1_790_000_000_000, 0xFFFF_FFFF_FFFF].map(Timestamp.init(milliseconds:))
        let ids = times.map { Request.ID(acceptedAt: $0, using: &generator) }
        #expect(ids == ids.sorted())
        #expect(Set((0..<1000).map { _ in Request.ID(acceptedAt: time, using: &generator) }).count == 1000)
    }

    @Test func `an id made of a digest is the same again, and of no stored request`() {
        let id = Request.ID(digest: 0xFFEE_DDCC_BBAA_9988_7766_5544_3322_1100)
        #expect("\(id)" == "ffeeddcc-bbaa-8988-b766-554433221100")
        #expect(Request.ID("\(id)") == id)
        #expect(id == Request.ID(digest: 0xFFEE_DDCC_BBAA_9988_7766_5544_3322_1100))
    }

    @Test func `an id in capitals is the same id`() {
        let id = Request.ID("01234567-89AB-7CDE-8F01-23456789ABCD")
        #expect(id != nil)
        #expect(id == Request.ID("01234567-89ab-7cde-8f01-23456789abcd"))
        #expect(id?.description == "01234567-89ab-7cde-8f01-23456789abcd")
    }

    @Test(arguments: [
        "", "01234567-89ab-7cde-8f01-23456789abc", "01234567-89ab-7cde-8f01-23456789abcde",
        "0123456789ab-7cde-8f01-23456789abcd1", "01234567-89ab-7cde-8f0123456789abcd--",
        "{1234567-89ab-7cde-8f01-23456789abc}", "g1234567-89ab-7cde-8f01-23456789abcd",
        "01234567-89ab-7cde-8f01-23456789abc ", "01234567-89ab-7cde-8f01-23456789ab\u{E9}",
        "0123456７-89ab-7cde-8f01-23456789a",
    ])
    func `what is no UUID is no request id`(text: String) {
        #expect(Request.ID(text) == nil)
    }

    /// é as one code point and as two, which Swift's String considers equal.
    private static let twins = ("caf\u{E9}", "cafe\u{301}")

    @Test func `identifiers from outside are told apart by their bytes, as Postgres does it`() {
        let (one, two) = Self.twins
        #expect(one == two)
        #expect(EventID(one) != EventID(two))
        #expect(EventID(one) == EventID(String(decoding: Array(one.utf8), as: UTF8.self)))
        #expect(Set([EventID(one), EventID(two), EventID(one)]).count == 2)
        #expect(Set([TenantID(rawValue: one), TenantID(rawValue: two), TenantID(authID: one)]).count == 2)
        #expect(TenantID(rawValue: "") != TenantID(rawValue: "\u{0}"))
        #expect(EventID("\u{212A}") != "K")
    }

    @Test func `identifiers from outside are sorted by their bytes`() {
        let texts = ["", "B", "a", "a\u{0}", "e\u{301}", "z", "\u{E9}", "\u{FFFD}", "😀"]
        #expect(texts.shuffled().map { EventID($0) }.sorted().map(\.text.utf8.count) == texts.map(\.utf8.count))
        #expect(texts.shuffled().map { TenantID(rawValue: $0) }.sorted() == texts.map { TenantID(rawValue: $0) })
    }

    @Test func `a step id is its request and its place`() throws {
        let request = try #require(Request.ID("01234567-89ab-7cde-8f01-23456789abcd"))
        let step = Step.ID(request: request, ordinal: 15)
        #expect(step.description == "01234567-89ab-7cde-8f01-23456789abcd/15")
        #expect(Step.ID(step.description) == step)
    }

    @Test(arguments: [
        "", "/", "/1", "ID", "ID/", "ID/-1", "ID/a", "ID/1/", "ID//1", "/ID/1", "ID/1/2", "ID/+1", "ID/01",
    ])
    func `what is no request and place is no step id`(text: String) {
        let id = "01234567-89ab-7cde-8f01-23456789abcd"
        #expect(Step.ID(text.replacing("ID", with: id)) == nil)
    }

    @Test(arguments: ["", "/", "a", "a/", "/b", "a/b/c", "a//b"])
    func `what is not two words around a slash is no route`(text: String) {
        #expect(Route(text) == nil)
    }

    @Test func `every route comes back from its text`() {
        for route in Catalog.builtIn.routes + [.decomposition] { #expect(Route("\(route)") == route) }
    }

    @Test func `a route with a small model has a worker, and only the router's question expands a plan`() throws {
        for route in Catalog.builtIn.routes { #expect(Catalog.builtIn.hasWorker(route) && !route.expandsPlan) }
        #expect(!Catalog.builtIn.hasWorker(.decomposition) && Route.decomposition.expandsPlan)
        var capability = try #require(Catalog.builtIn.capabilities.first)
        capability.tasks[0].models.small = nil
        let route = Route(capability.name, capability.tasks[0].name)
        #expect(!Catalog([capability]).hasWorker(route))
        // Workers cannot reserve what its calls cost, so the escalator asks an endpoint.
        for index in capability.tasks.indices { capability.tasks[index].models.small = "endpoint:little" }
        let asked = Catalog([capability])
        #expect(!asked.hasWorker(route) && asked.capabilitiesWithWorkers.isEmpty)
        #expect(asked.smallModel(of: capability.name) == nil && asked.endpointNames.contains("little"))
        #expect(Catalog().hasWorker(route), "a task that has left the catalog had a worker")
    }
}
