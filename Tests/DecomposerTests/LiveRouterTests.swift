import BuiltInCatalog
import Contracts
import Inference
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Decomposer

/// The router follows what the catalog says about routing, without loading its weights again.
struct LiveRouterTests {
    private static let support = Route(Capability(rawValue: "customer-support"), "reason")
    private static let text = "where is my card"

    /// The built-in catalog, and a task whose head accepts every text, if it is this router's.
    private func catalog(router: String, isAnyWindow: Bool = false) -> Catalog {
        let head = RouteHead(
            router: router, examples: 20, temperature: 1, threshold: 0.5, weights: [Float](repeating: 0, count: 192),
            bias: 5)
        let task = TaskDescription(
            name: Self.support.task, title: "Reason", description: "Says why.", unit: .utterance, output: .text,
            comparator: .judge, models: TaskModels(full: "full"), isRoutedByAnyWindow: isAnyWindow,
            routing: TaskRouting(examples: [], head: head))
        return Catalog(
            Catalog.builtIn.capabilities + [
                CapabilityDescription(
                    name: Self.support.capability, title: "Support", description: "Sorts.", tasks: [task])
            ])
    }

    private func added(_ live: LiveRouter, _ catalog: Catalog) async throws -> [Route] {
        try await live.following(catalog).classify([Self.text], as: .decomposition)[0].addedRoutes
    }

    @Test func `a head takes effect with its catalog, and goes with it`() async throws {
        let router = try EncoderClassifier(directory: Tree.model("router"), catalog: .builtIn)
        let live = LiveRouter(router, logger: .silent)
        let grown = catalog(router: try #require(router.stateFingerprint(of: .decomposition)))
        #expect(try await added(live, .builtIn) == [])
        #expect(try await added(live, grown) == [Self.support])
        #expect(try await added(live, .builtIn) == [])
    }

    @Test func `a catalog that routes as before is served by the same instance`() throws {
        let live = LiveRouter(
            try EncoderClassifier(directory: Tree.model("router"), catalog: .builtIn), logger: .silent)
        var renamed = Catalog.builtIn.capabilities
        renamed[0].title = "Another title"
        let first = try #require(try live.following(.builtIn) as? EncoderClassifier)
        #expect(try live.following(Catalog(renamed)) as? EncoderClassifier === first)
    }

    @Test func `the findings of a long text follow the catalog`() throws {
        let live = LiveRouter(
            try EncoderClassifier(directory: Tree.model("router"), catalog: .builtIn), logger: .silent)
        let before = try live.following(.builtIn).identity(of: .decomposition)
        let capabilities = Catalog.builtIn.capabilities.map { capability in
            var capability = capability
            for index in capability.tasks.indices { capability.tasks[index].isRoutedByAnyWindow = false }
            return capability
        }
        #expect(try live.following(Catalog(capabilities)).identity(of: .decomposition) != before)
    }

    @Test func `a head of another router is named in the log, and not used`() async throws {
        let lines = Lines()
        let live = LiveRouter(
            try EncoderClassifier(directory: Tree.model("router"), catalog: .builtIn),
            logger: Logger(service: "test", level: .warning) { lines.append($0) })
        #expect(try await added(live, catalog(router: "0123456789abcdef")) == [])
        #expect(lines.all.count == 1 && lines.all[0].contains("customer-support/reason"))
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock(\.self) }
    func append(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}
