import BuiltInCatalog
import Contracts
import Inference
import Telemetry
import TestKit
import Testing

@testable import Decomposer

/// Items of people's texts in a language that no capability understands.
struct LanguagePlanTests {
    private static let german = "Bitte schalte um zehn das Licht in der Küche aus."
    private static let clause = "legal-services/clause-type"
    private static let payload = "security-services/payload"

    private let metrics = Metrics()

    /// - Parameters:
    ///   - label: what the router says about every text.
    ///   - full: what the full models of one capability understand as well.
    private func routing(
        _ label: String, isSure: Bool, _ text: String = german, full: [String] = []
    ) async throws -> Decomposition {
        let router = ScriptedRouter(version: "3") { .of($0, label, 0.9, isSure: isSure) }
        var capabilities = Catalog.builtIn.capabilities
        capabilities[0].fullLanguages = full
        let planner = Planner(
            router: { _ in router }, counterfactual: try Tree.counterfactual(), metrics: metrics)
        let request = Request(eventID: "e", channel: .human, text: text)
        return try #require(try await planner.plans(for: [request], catalog: Catalog(capabilities)).first).get()
    }

    @Test(arguments: [("none", true), ("none", false), (clause, false)])
    func `it is answered at once, and no full model is asked`(label: String, isSure: Bool) async throws {
        let plan = try await routing(label, isSure: isSure)
        #expect(plan.steps.map(\.state) == [.answered] && plan.steps.first?.answers == [.inUnsupportedLanguage])
        // No model alone would have answered it, so nothing is saved.
        #expect(plan.answered == 0 && plan.attempt?.counterfactual == .zero && plan.attempt?.state == .settled)
        let counter = #"winnow_items_other_language_total{capability="decomposition",language="de",verdict="#
        #expect(metrics.render().contains(counter + #""unsupported"} 1"#))
    }

    @Test func `a language that one full model understands is routed as ever`() async throws {
        #expect(try await routing("none", isSure: true, full: ["de"]).steps.first?.answers.first??.label == "none")
        #expect(try await routing("none", isSure: false, full: ["*"]).steps.map(\.state) == [.dispatched])
    }

    @Test func `a sure route is followed, since its worker decides`() async throws {
        let plan = try await routing(Self.clause, isSure: true)
        #expect(plan.steps.map { "\($0.route)" } == ["decomposition/route", Self.clause])
    }

    @Test func `what may be a value, which is in no language, is left to the full model`() async throws {
        let plan = try await routing(Self.payload, isSure: false)
        #expect(plan.steps.map(\.state) == [.dispatched] && plan.steps.first?.answers == [nil])
    }

    @Test func `English that fits nothing still fits nothing`() async throws {
        let plan = try await routing("none", isSure: true, "What a lovely morning it is by the sea.")
        #expect(plan.steps.first?.answers.first??.label == "none" && plan.answered == 1)
    }
}
