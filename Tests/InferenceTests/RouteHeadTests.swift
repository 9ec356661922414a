import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// A route head is a linear map over the state of one router.
struct RouteHeadTests {
    private static let support = Route(Capability(rawValue: "customer-support"), "reason")
    private static let requests = {
        var dice = Dice(43)
        return (0..<12).map { _ in [EncoderTests.text(words: 30, &dice), EncoderTests.text(words: 60, &dice)] }
    }()

    private static func load(seed: UInt64 = 7, _ catalog: Catalog = Catalog()) throws -> ItemReader {
        try TinyModel.reader(seed: seed).written { try ItemReader(directory: $0, catalog: catalog) }
    }

    private static func catalog(_ heads: [RouteHead], route: Route = support) -> Catalog {
        Catalog([
            CapabilityDescription(
                name: route.capability, title: "A", description: "B.",
                tasks: heads.enumerated().map { index, head in
                    TaskDescription(
                        name: index == 0 ? route.task : "\(route.task)-\(index)", title: "A", description: "B.",
                        unit: .utterance, output: .text, comparator: .judge, models: TaskModels(full: "full"),
                        routing: TaskRouting(examples: [], head: head))
                })
        ])
    }

    private static func head(
        for router: ItemReader, threshold: Double = 0.5, bias: Float = 0, sign: Float = 1
    ) -> RouteHead {
        let weights = (0..<router.card.encoder.hiddenSize).map { sign * Float($0 % 7 - 3) / 8 }
        return RouteHead(
            router: router.stateFingerprint, examples: 20, temperature: 2, threshold: threshold, weights: weights,
            bias: bias)
    }

    private func items(_ router: ItemReader) throws -> [ReadItem] {
        try router.read(Self.requests).joined().flatMap(\.items)
    }

    /// What a head says of each item, from the states of the items' texts where they stand.
    private func probabilities(_ head: RouteHead, _ router: ItemReader) throws -> [Double] {
        let readings = try router.read(Self.requests)
        let texts = zip(Self.requests, readings).flatMap { sources, readings in
            readings.enumerated().flatMap { source, reading in
                reading.items.map { PlacedText(sources: sources, source: source, range: $0.range) }
            }
        }
        return try router.states(of: texts).map { reading in
            let state = try #require(reading.state)
            let score = zip(state, head.weights).reduce(Double(head.bias)) { $0 + Double($1.0) * Double($1.1) }
            return sigmoid(score / head.temperature)
        }
    }

    @Test func `all heads are evaluated on the state of each item`() throws {
        let plain = try Self.load()
        var heads = [Self.head(for: plain), Self.head(for: plain, bias: 0.25, sign: -1)]
        for index in heads.indices {
            let sorted = try probabilities(heads[index], plain).sorted(), middle = sorted.count / 2
            heads[index].threshold = (sorted[middle - 1] + sorted[middle]) / 2
        }
        let router = try ItemReader(sharing: plain, catalog: Self.catalog(heads))
        #expect(router.refusedHeads.isEmpty)
        let wanted = try heads.map { head in try probabilities(head, plain).map { $0 >= head.threshold } }
        let found = try items(router), before = try items(plain)
        for (index, item) in found.enumerated() {
            let expected = zip(["reason", "reason-1"], wanted).filter { $0.1[index] }.map {
                Route(Self.support.capability, $0.0)
            }
            #expect(item.prediction.addedRoutes == expected)
            var without = item
            without.prediction.addedRoutes = []
            #expect(without == before[index])
        }
        #expect(found.contains { !$0.prediction.addedRoutes.isEmpty })
        #expect(found.contains { $0.prediction.addedRoutes.count < 2 })
        let extra = try zip(router.read(Self.requests).joined(), plain.read(Self.requests).joined())
        #expect(extra.allSatisfy { $0.flops == $1.flops + Int64(2 * 2 * 64 * $0.items.count) })
    }

    @Test func `a head of another router is never evaluated`() throws {
        let plain = try Self.load()
        var head = Self.head(for: plain, threshold: 1e-6, bias: 1000)
        let used = try ItemReader(sharing: plain, catalog: Self.catalog([head]))
        #expect(try items(used).allSatisfy { $0.prediction.addedRoutes == [Self.support] })
        head.router = try Self.load(seed: 8).stateFingerprint
        let other = try ItemReader(sharing: plain, catalog: Self.catalog([head]))
        #expect(try items(other).allSatisfy { $0.prediction.addedRoutes.isEmpty })
        #expect(other.refusedHeads == [Self.support])
    }

    @Test func `a head that does not fit, or whose task the router knows itself, is never evaluated`() throws {
        let plain = try Self.load()
        var head = Self.head(for: plain, threshold: 1e-6, bias: 1000)
        let known = try ItemReader(
            sharing: plain, catalog: Self.catalog([head], route: Route(.legalServices, "clause-type")))
        #expect(known.refusedHeads.count == 1)
        #expect(try items(known).allSatisfy { $0.prediction.addedRoutes.isEmpty })
        head.weights.removeLast()
        let short = try ItemReader(sharing: plain, catalog: Self.catalog([head]))
        #expect(short.refusedHeads == [Self.support])
    }

    @Test func `the committed states are those of the committed router`() throws {
        let folder = Golden.model("router")
        let router = try ItemReader(directory: folder, catalog: Catalog())
        let states = try RouterStates(directory: folder, of: router)
        #expect(states.count > 3000)
        #expect(throws: ArtifactError.self) { try RouterStates(directory: folder, of: try Self.load()) }
    }

    @Test func `a head learns from the whole texts of its examples, and is the router's`() throws {
        let router = try Self.load()
        var dice = Dice(47)
        func texts(_ count: Int, _ word: String) -> [String] {
            (0..<count).map { _ in "\n\(word) \(EncoderTests.text(words: 3, &dice)) \(word)\n" }
        }
        func rows(_ texts: [String]) throws -> [Float] {
            let placed = texts.map { PlacedText(sources: [$0], source: 0, range: 1..<$0.utf8.count - 1) }
            return try router.states(of: placed).flatMap { try #require($0.state) }
        }
        let examples = texts(60, "jazz")
        let others = RouterStates(width: 64, rows: try rows(texts(200, "unaffable")))
        let fit = try #require(try RouteHeadFit(examples, against: others, router: router))
        #expect(fit.head.router == router.stateFingerprint && fit.head.examples == 60)
        func accepted(_ rows: [Float]) -> Int {
            (0..<rows.count / 64).count { row in
                let score = zip(rows[row * 64..<row * 64 + 64], fit.head.weights).reduce(fit.head.bias) {
                    $0 + $1.0 * $1.1
                }
                return sigmoid(Double(score) / fit.head.temperature) >= fit.head.threshold
            }
        }
        #expect(accepted(try rows(examples)) > 50 && accepted(others.rows) < 5)
    }

    @Test func `a head is fitted that accepts its examples and hardly anything else`() throws {
        var dice = Dice(3)
        let width = 16,
            states = (0..<600).flatMap { _ in (0..<width).map { _ in Float.random(in: -1...1, using: &dice) } }
        // Its own rows lie beyond the others in one direction, with a few among them.
        let own = (0..<100).flatMap { row in
            (0..<width).map { Float.random(in: -1...1, using: &dice) + ($0 == 3 && row % 20 != 0 ? 2.5 : 0) }
        }
        let kernels = try Self.load().kernels
        let (line, rule) = try #require(
            RouteHeadFit.fit(own: own, others: RouterStates(width: width, rows: states), kernels))
        #expect(rule.recall > 0.85 && rule.falseAccepts <= 6 && rule.threshold < 1)
        func accepts(_ row: ArraySlice<Float>) -> Bool {
            let score = zip(row, line.weights).reduce(line.bias) { $0 + $1.0 * $1.1 }
            return sigmoid(Double(score) / rule.temperature) >= rule.threshold
        }
        func accepted(_ rows: [Float]) -> Int {
            (0..<(rows.count / width)).count { accepts(rows[($0 * width)..<(($0 + 1) * width)]) }
        }
        #expect(accepted(own) > 85 && accepted(states) <= 6)
    }

    @Test func `what cannot be told apart has no head`() {
        #expect(RouteHeadFit.rule([Double](repeating: 1, count: 100), positives: 50) == nil)
    }

    @Test func `the threshold keeps 95 of 100 accepted rows the task's own`() throws {
        // 40 examples above everything else, then one stranger, then 20 more examples, then strangers.
        let first = (0..<40).map { 10 + Double($0) }, second = (0..<20).map { 4 + Double($0) / 100 }
        let scores: [Double] = first + second + [5] + (0..<50).map { -Double($0) }
        let rule = try #require(RouteHeadFit.rule(scores, positives: 60))
        #expect(rule.recall == 1 && rule.falseAccepts >= 1 && rule.falseAccepts <= 3)
        let own = sigmoid(4 / rule.temperature)
        #expect(own >= rule.threshold)
    }
}
