import JSON

/// An item of a machine request: its text, or the answer that its text is taken from.
public enum RequestedItem: Sendable, Equatable, ExpressibleByStringInterpolation {
    case text(String)
    case reference(ItemReference)

    public init(stringLiteral text: String) { self = .text(text) }

    public var reference: ItemReference? { if case .reference(let reference) = self { reference } else { nil } }
}

/// Names an answer of another step of the same request, from which an item takes its text.
public struct ItemReference: Sendable, Hashable {
    /// What the item takes from the answer.
    public enum Selection: String, Sendable {
        /// A label, a text, or a JSON value as JSON text.
        case output
        /// The label. Only of a task that answers labels.
        case label
    }

    /// The index of the step, which must be answered first.
    public var step: Int
    /// The index of the answered item in that step. `nil`: the step's only item, or else the one with the same index as
    /// the item that takes the text. An item of an accepted request always has the index.
    public var item: Int?
    public var select: Selection

    public init(step: Int, item: Int? = nil, select: Selection = .output) {
        self.step = step
        self.item = item
        self.select = select
    }

    /// The reference with its index.
    /// - Parameters:
    ///   - position: the index of the item that takes the text.
    ///   - count: the number of items of the step that is named.
    package func resolved(at position: Int, of count: Int) -> ItemReference {
        ItemReference(step: step, item: item ?? (count == 1 ? 0 : position), select: select)
    }
}

/// - Shape: `"text"`, `{"text"}`, or `{"from", "item"?, "select"?: "output" | "label"}`
extension RequestedItem {
    init(json value: JSONValue) throws {
        let path = "steps.items"
        if let text = value.string {
            self = .text(text)
            return
        }
        let reference = try ItemReference(membersOf: value, in: path)
        switch (try value.text("text", in: path), reference) {
        case (let text?, nil): self = .text(text)
        case (nil, let reference?): self = .reference(reference)
        default:
            throw ContractError(
                .wrongType, "steps.items must hold strings, or objects with either a string \"text\" or \"from\"")
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .text(let text): writer.string(text)
        case .reference(let reference): writer.object { reference.writeMembers(to: &$0) }
        }
    }
}

/// Requests, stored items and results all use these members.
extension ItemReference {
    func writeMembers(to body: inout JSONWriter) {
        body.member("from", step)
        body.optional("item", item) { $0.integer($1) }
        if select != .output { body.member("select", select.rawValue) }
    }

    /// - Returns: `nil` without `from`.
    init?(membersOf value: JSONValue, in path: String) throws {
        guard let step = try value.integer("from", in: path) else { return nil }
        guard let select = Selection(rawValue: try value.text("select", in: path) ?? Selection.output.rawValue) else {
            throw ContractError(.wrongType, "\(path).select must be \"output\" or \"label\"")
        }
        self.init(step: step, item: try value.integer("item", in: path), select: select)
    }
}

extension RequestedStep {
    /// The steps that must be answered first: those in `dependsOn`, and those that its items take their texts from.
    package var dependencies: [Int] {
        items.reduce(into: dependsOn) { steps, item in
            if let step = item.reference?.step, !steps.contains(step) { steps.append(step) }
        }
    }
}

extension Request {
    /// Checks the references of a step of the plan. Whether steps wait for each other is checked for all steps together.
    func validateReferences(ofStep index: Int) throws(ContractError) {
        for (position, item) in steps[index].items.enumerated() {
            guard let reference = item.reference else { continue }
            let name = "steps[\(index)].items[\(position)]"
            guard steps.indices.contains(reference.step), reference.step != index else {
                throw ContractError(.invalidPlan, "\(name).from must name another step of the plan")
            }
            let count = steps[reference.step].items.count
            guard let item = reference.resolved(at: position, of: count).item, 0..<count ~= item else {
                throw ContractError(.invalidPlan, "\(name) takes its text from an item that its step does not have")
            }
        }
    }

    /// - Throws: `ContractError` if an item takes a label from a task that does not answer labels.
    func validateSelections(_ catalog: Catalog) throws(ContractError) {
        for (index, step) in steps.enumerated() {
            for (position, item) in step.items.enumerated() {
                guard let reference = item.reference, reference.select == .label else { continue }
                guard catalog[steps[reference.step].route]?.output.kind == .label else {
                    throw ContractError(
                        .invalidPlan,
                        "steps[\(index)].items[\(position)] takes a label from a task that does not answer labels")
                }
            }
        }
    }
}
