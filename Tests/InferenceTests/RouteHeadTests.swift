import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// A route head is a linear map over the state of one router.
struct RouteHeadTests {
    private static let support = Route(Capability(rawValue: "customer-support"), "reason")
    private static let texts = ["jazz", "playing and playing", "unaffable", "a, b, c"]

    /// A random router with one head of its own.
    private static func router(seed: UInt64 = 7, role: String = "router") -> TinyModel {
        var model = TinyModel(TinyModel.Shape(layers: 1), seed: seed)
        model.card["role"] = "\"\(role)\""
        model.card["heads"] = """
            [{"capability":"decomposition","task":"route","kind":"multi-label","labels":["legal-services/clause-type",
            "a/b"],"maxTokens":16,"temperature":1.0,"thresholds":[0.5,0.5],"gate":null,
            "calibration":{"threshold":0.75}}]
            """
        for part in ["weight", "bias"] {
            model.file["heads.decomposition/route.\(part)"] = model.file["heads.legal-services/unfair-term.\(part)"]
            for name in ["heads.legal-services/unfair-term", "heads.legal-services/clause-type"] {
                model.file["\(name).\(part)"] = nil
            }
            model.file["exits.0.legal-services/clause-type.\(part)"] = nil
        }
        return model
    }

    private static func load(_ model: TinyModel = router(), _ catalog: Catalog = Catalog()) throws -> EncoderClassifier
    {
        try model.written { try EncoderClassifier(directory: $0, catalog: catalog) }
    }

    private static func catalog(
        _ heads: [RouteHead], route: Route = support, isAnyWindow: Bool = false
    ) -> Catalog {
        Catalog([
            CapabilityDescription(
                name: route.capability, title: "A", description: "B.",
                tasks: heads.enumerated().map { index, head in
                    TaskDescription(
                        name: index == 0 ? route.task : "\(route.task)-\(index)", title: "A", description: "B.",
                        unit: .utterance, output: .text, comparator: .judge, models: TaskModels(full: "full"),
                        isRoutedByAnyWindow: isAnyWindow, routing: TaskRouting(examples: [], head: head))
                })
        ])
    }

    /// A head that accepts what lies on the same side as the first text, at most as far as the margin.
    private static func head(
        for router: EncoderClassifier, threshold: Double = 0.5, bias: Float = 0, sign: Float = 1
    ) throws -> RouteHead {
        let width = try #require(router.card.encoder?.hiddenSize)
        let weights = (0..<width).map { sign * Float($0 % 7 - 3) / 8 }
        return RouteHead(
            router: try #require(router.stateFingerprint(of: .decomposition)), examples: 20, temperature: 2,
            threshold: threshold, weights: weights, bias: bias)
    }

    private func probabilities(_ head: RouteHead, _ router: EncoderClassifier, _ texts: [String]) throws -> [Double] {
        let states = try router.states(texts, as: .decomposition), width = head.weights.count
        return texts.indices.map { index in
            let score = (0..<width).reduce(Double(head.bias)) {
                $0 + Double(states[index * width + $1]) * Double(head.weights[$1])
            }
            return sigmoid(score / head.temperature)
        }
    }

    @Test func `all heads are evaluated on the state that the router's own head reads`() throws {
        let plain = try Self.load()
        let one = try Self.head(for: plain), other = try Self.head(for: plain, bias: 0.25, sign: -1)
        let wanted = try [one, other].map { try probabilities($0, plain, Self.texts).sorted()[2] - 1e-4 }
        var heads = [one, other]
        for index in heads.indices { heads[index].threshold = wanted[index] }
        let router = try EncoderClassifier(sharing: plain, catalog: Self.catalog(heads))
        #expect(router.refusedHeads.isEmpty)
        let found = try router.predict(Self.texts, as: .decomposition),
            before = try plain.predict(Self.texts, as: .decomposition)
        for (index, prediction) in found.enumerated() {
            let expected = try zip(["reason", "reason-1"], heads).filter { _, head in
                try probabilities(head, plain, Self.texts)[index] >= head.threshold
            }.map { Route(Self.support.capability, $0.0) }
            #expect(prediction.addedRoutes == expected, "\(Self.texts[index])")
            #expect(prediction.label == before[index].label && prediction.confidence == before[index].confidence)
            #expect(prediction.flops == before[index].flops + 2 * 2 * 64)
        }
        #expect(found.contains { !$0.addedRoutes.isEmpty } && found.contains { $0.addedRoutes.count < 2 })
        #expect(before.allSatisfy { $0.addedRoutes.isEmpty })
    }

    @Test func `a head of another router is never evaluated`() throws {
        let plain = try Self.load()
        var head = try Self.head(for: plain, threshold: 1e-6, bias: 1000)
        let used = try EncoderClassifier(sharing: plain, catalog: Self.catalog([head]))
        #expect(try used.predict(Self.texts, as: .decomposition).allSatisfy { $0.addedRoutes == [Self.support] })
        head.router = try #require(try Self.load(Self.router(seed: 8)).stateFingerprint(of: .decomposition))
        let other = try EncoderClassifier(sharing: plain, catalog: Self.catalog([head]))
        #expect(try other.predict(Self.texts, as: .decomposition).allSatisfy { $0.addedRoutes.isEmpty })
        #expect(other.refusedHeads == [Self.support])
    }

    @Test func `a head that does not fit, or whose task the router knows itself, is never evaluated`() throws {
        let plain = try Self.load()
        var head = try Self.head(for: plain, threshold: 1e-6, bias: 1000)
        let known = try EncoderClassifier(
            sharing: plain, catalog: Self.catalog([head], route: Route(.legalServices, "clause-type")))
        #expect(known.refusedHeads.count == 1)
        #expect(try known.predict(Self.texts, as: .decomposition).allSatisfy { $0.addedRoutes.isEmpty })
        head.weights.removeLast()
        let short = try EncoderClassifier(sharing: plain, catalog: Self.catalog([head]))
        #expect(short.refusedHeads == [Self.support])
    }

    @Test func `another head of the router's own leaves the state as it is, another encoder does not`() throws {
        let before = try Self.load().stateFingerprint(of: .decomposition)
        var model = Self.router()
        model.file["heads.decomposition/route.bias"]?.bytes[0] ^= 1
        #expect(try Self.load(model).stateFingerprint(of: .decomposition) == before)
        model.file["layers.0.feedForward.up.weight"]?.bytes[0] ^= 1
        #expect(try Self.load(model).stateFingerprint(of: .decomposition) != before)
    }

    @Test func `a long text is routed by its beginning, or by any part if the task says so`() throws {
        let plain = try Self.load(), width = 64
        let text = "jazz " + String(repeating: "unaffable, ", count: 30)
        var head = try Self.head(for: plain)
        // The direction in which the beginning is farthest from a text that is like the rest.
        let states = try plain.states([text, String(repeating: "unaffable, ", count: 30)], as: .decomposition)
        head.weights = (0..<width).map { states[width + $0] - states[$0] }
        let middle = (0..<width).reduce(Float(0)) { $0 + head.weights[$1] * (states[$1] + states[width + $1]) / 2 }
        head.bias = -middle
        for isAnyWindow in [false, true] {
            let router = try EncoderClassifier(
                sharing: plain, catalog: Self.catalog([head], isAnyWindow: isAnyWindow))
            let prediction = try router.predict([text], as: .decomposition)[0]
            #expect(prediction.windows > 1)
            #expect(prediction.addedRoutes == (isAnyWindow ? [Self.support] : []))
        }
    }

    @Test func `the committed states are those of the committed router`() throws {
        let folder = Golden.model("router")
        let router = try EncoderClassifier(directory: folder, catalog: Catalog())
        let states = try RouterStates(directory: folder, of: router)
        #expect(states.count > 3000)
        #expect(throws: ArtifactError.self) { try RouterStates(directory: folder, of: try Self.load()) }
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
