import BuiltInCatalog
import Contracts
import Inference
import Routing
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Decomposer

/// The router follows what the catalog says about routing, without loading its weights again.
struct LiveRouterTests {
    private static let support = Route(Capability(rawValue: "customer-support"), "reason")
    private static let text = "Play some Jazz. BOOK a table, and then call Mum!"

    /// A small item reader, which finds items in the text.
    private static func router() throws -> ItemReader {
        try ItemReader(directory: "\(Tree.root)/Tests/InferenceTests/Golden/reader", catalog: .builtIn)
    }

    /// The built-in catalog, and a task whose head accepts every text, if it is this router's.
    private func catalog(router: String) -> Catalog {
        let head = RouteHead(
            router: router, examples: 20, temperature: 1, threshold: 0.5, weights: [Float](repeating: 0, count: 64),
            bias: 5)
        let task = TaskDescription(
            name: Self.support.task, title: "Reason", description: "Says why.", unit: .utterance, output: .text,
            comparator: .judge, models: TaskModels(full: "full"),
            routing: TaskRouting(examples: [], head: head))
        return Catalog(
            Catalog.builtIn.capabilities + [
                CapabilityDescription(
                    name: Self.support.capability, title: "Support", description: "Sorts.", tasks: [task])
            ])
    }

    /// The routes that are added to each item.
    private func added(_ live: LiveRouter, _ catalog: Catalog) throws -> Set<[Route]> {
        let reading = try #require(try live.following(catalog).read([[Self.text]]).first?.first)
        #expect(!reading.items.isEmpty)
        return Set(reading.items.map(\.prediction.addedRoutes))
    }

    @Test func `a head takes effect with its catalog, and goes with it`() throws {
        let router = try Self.router()
        let live = LiveRouter(router, logger: .silent)
        let grown = catalog(router: router.stateFingerprint)
        #expect(try added(live, .builtIn) == [[]])
        #expect(try added(live, grown) == [[Self.support]])
        #expect(try added(live, .builtIn) == [[]])
    }

    @Test func `a catalog that routes as before is served by the same instance`() throws {
        let live = LiveRouter(try Self.router(), logger: .silent)
        var renamed = Catalog.builtIn.capabilities
        renamed[0].title = "Another title"
        let first = try #require(try live.following(.builtIn) as? ItemReader)
        #expect(try live.following(Catalog(renamed)) as? ItemReader === first)
    }

    @Test func `a head of another router is named in the log, and not used`() throws {
        let lines = Lines()
        let live = LiveRouter(
            try Self.router(),
            logger: Logger(service: "test", level: .warning) { lines.append($0) })
        #expect(try added(live, catalog(router: "0123456789abcdef")) == [[]])
        #expect(lines.all.count == 1 && lines.all[0].contains("customer-support/reason"))
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock(\.self) }
    func append(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}
