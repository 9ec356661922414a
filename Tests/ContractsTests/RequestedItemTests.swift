import Contracts
import JSON
import Testing

struct RequestedItemTests {
    private static let catalog = Catalog([
        CapabilityDescription(
            name: Capability(rawValue: "c"), title: "c", description: "C.",
            tasks: [
                task("label", .label([LabelDescription(name: "a", description: "A.")])), task("text", .text),
            ])
    ])

    private static func task(_ name: String, _ output: TaskDescription.Output) -> TaskDescription {
        TaskDescription(
            name: name, title: name, description: name, unit: .document, output: output, comparator: .judge,
            models: TaskModels(full: "full"))
    }

    private func decode(_ steps: String...) throws -> [RequestedStep] {
        let body = #"{"steps":[\#(steps.joined(separator: ","))]}"#
        return try Request.decode(
            Array(body.utf8), eventID: "e", tenant: .default, deadline: nil, catalog: Self.catalog
        ).steps
    }

    private func step(_ task: String, _ items: String, dependsOn: String = "") -> String {
        #"{"capability":"c","task":"\#(task)","items":[\#(items)],"dependsOn":[\#(dependsOn)]}"#
    }

    @Test func `an item names the answer that its text is taken from`() throws {
        let steps = try decode(
            step("label", #""a""#),
            step("text", #"{"from":0},{"from":0,"item":0,"select":"label"},{"from":0,"select":"output"},"b""#))
        #expect(
            steps[1].items == [
                .reference(ItemReference(step: 0)), .reference(ItemReference(step: 0, item: 0, select: .label)),
                .reference(ItemReference(step: 0)), "b",
            ])
        #expect(steps[1].items.map(\.reference?.step) == [0, 0, 0, nil])
    }

    @Test func `a step depends on the steps that its items take texts from`() throws {
        let steps = try decode(
            step("text", #""a""#), step("text", #""b""#), step("text", #""c""#),
            step("text", #"{"from":1},{"from":0},{"from":1},{"from":2}"#, dependsOn: "2"))
        #expect(steps.map(\.dependencies) == [[], [], [], [2, 1, 0]])
    }

    @Test(arguments: [
        (ItemReference(step: 1), 3, 1, 0), (ItemReference(step: 1), 3, 5, 3),
        (ItemReference(step: 1, item: 2), 3, 5, 2),
    ])
    func `without an index the only item is meant, or else the one at the same place`(
        reference: ItemReference, position: Int, count: Int, expected: Int
    ) {
        #expect(reference.resolved(at: position, of: count) == ItemReference(step: 1, item: expected))
    }

    @Test func `a label is only taken from a task that answers labels`() throws {
        let taking = step("text", #"{"from":0,"select":"label"}"#)
        #expect(try decode(step("label", #""a""#), taking).count == 2)
        let error = #expect(throws: ContractError.self) { try decode(step("text", #""a""#), taking) }
        #expect(error?.code == .invalidPlan)
        #expect(error?.message.contains("steps[1].items[0]") == true)
    }

    @Test func `items come back from their bytes as they were`() throws {
        let route = Route(Capability(rawValue: "c"), "label")
        let request = Request(
            eventID: "e", channel: .machine,
            steps: [
                RequestedStep(
                    route: route,
                    items: [
                        .reference(ItemReference(step: 1)), .reference(ItemReference(step: 1, item: 1, select: .label)),
                        "\u{0}\"é",
                    ]),
                RequestedStep(route: route, items: ["a", "b", "c"]),
            ])
        let back = try Request.decode(
            request.encode(), eventID: "e", tenant: .default, deadline: nil, catalog: Self.catalog)
        #expect(back == request)
    }

    @Test func `an item without its text yet is stored with what it waits for, and with no text`() throws {
        let pending = Item(text: "", from: ItemReference(step: 0, item: 2))
        #expect(pending.isPending)
        #expect(String(decoding: Item.encode([pending]), as: UTF8.self) == #"[{"from":0,"item":2}]"#)
        #expect(!Item(text: "").isPending)
        #expect(throws: ContractError.self) { try Item.decode(Array(#"[{"item":2}]"#.utf8)) }
    }
}
