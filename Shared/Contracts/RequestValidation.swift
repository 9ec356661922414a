extension Request {
    /// - Throws: `ContractError` for the first rule that is broken.
    public func validate() throws(ContractError) {
        switch channel {
        case .human: try validateText()
        case .machine: try validatePlan()
        }
    }

    private func validateText() throws(ContractError) {
        guard steps.isEmpty else {
            throw ContractError(.invalidPlan, "a human request names no steps; send channel \"machine\" with them")
        }
        guard text != nil || !attachments.isEmpty else { throw ContractError(.missingField, "text is missing") }
        guard text?.isBlank != true || !attachments.isEmpty else { throw ContractError(.emptyText, "text is empty") }
        guard attachments.allSatisfy({ !$0.name.isBlank && !$0.text.isBlank }) else {
            throw ContractError(.emptyText, "attachments: name and text must not be empty")
        }
        guard attachments.allSatisfy({ $0.name.utf8.count <= Limits.identifierBytes }) else {
            throw ContractError(.tooLarge, "attachments: a name has more than \(Limits.identifierBytes) bytes")
        }
        guard attachments.allSatisfy({ MediaType($0.mediaType).isText }) else {
            throw ContractError(
                .unsupportedMediaType,
                "attachments: mediaType must be one of text, such as text/plain, text/markdown or application/json")
        }
    }

    private func validatePlan() throws(ContractError) {
        guard text == nil, attachments.isEmpty else {
            throw ContractError(
                .invalidPlan, "a machine request carries its items in steps, not in text or attachments")
        }
        guard !steps.isEmpty else { throw ContractError(.missingField, "steps is missing or empty") }
        guard steps.count <= Limits.stepsPerPlan else {
            throw ContractError(.tooLarge, "the plan has \(steps.count) steps; at most \(Limits.stepsPerPlan)")
        }
        for (index, step) in steps.enumerated() {
            guard !step.items.isEmpty else { throw ContractError(.missingField, "steps[\(index)].items is empty") }
            guard step.items.count <= Limits.itemsPerStep else {
                throw ContractError(
                    .tooLarge, "steps[\(index)] has \(step.items.count) items; at most \(Limits.itemsPerStep)")
            }
            guard !step.items.contains(where: \.isBlank) else {
                throw ContractError(.emptyText, "steps[\(index)].items holds an empty text")
            }
            guard step.dependsOn.allSatisfy({ steps.indices.contains($0) && $0 != index }) else {
                throw ContractError(.invalidPlan, "steps[\(index)].dependsOn names no other step of the plan")
            }
        }
        guard isAcyclic else { throw ContractError(.invalidPlan, "steps depend on each other in a circle") }
    }

    /// Kahn's algorithm: a plan is acyclic when steps without open dependencies can be taken until none is left.
    private var isAcyclic: Bool {
        var open = Set(steps.indices)
        while let ready = open.first(where: { step in steps[step].dependsOn.allSatisfy { !open.contains($0) } }) {
            open.remove(ready)
        }
        return open.isEmpty
    }
}

extension String {
    /// Nothing but white space: there is nothing to answer.
    var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
