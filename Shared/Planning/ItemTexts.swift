import Contracts
import JSON
import Store

/// The texts that items take from answers of other steps.
///
/// A degraded answer is used like any other: its client accepted guesses when the budget has no room, and the result
/// marks the item that it was given for.
extension RequestSnapshot {
    /// - Returns: the items of a step whose dependencies are answered, all with their texts.
    /// - Throws: `ContractError`, which quotes no text, if an answer gives none or if the request takes too much.
    func itemsWithTexts(of step: Step) throws(ContractError) -> [Item] {
        guard step.items.contains(where: \.isPending) else { return step.items }
        var taken = steps.reduce(0) { sum, other in
            other.items.reduce(sum) { $0 + ($1.from == nil || $1.isPending ? 0 : $1.text.writtenBytes) }
        }
        var items = step.items
        for index in items.indices {
            guard items[index].isPending, let reference = items[index].from else { continue }
            guard let text = text(of: reference) else {
                throw ContractError(.wrongType, "items[\(index)] takes its text from an answer that has none")
            }
            guard !text.isBlank else {
                throw ContractError(.emptyText, "items[\(index)] takes its text from an answer that is empty")
            }
            items[index] = Item(whole: text, from: reference)
            taken += text.writtenBytes
            guard taken <= Limits.takenBytes else {
                throw ContractError(
                    .tooLarge,
                    "the texts that a request takes from its answers may have \(Limits.takenBytes) bytes together")
            }
        }
        return items
    }

    /// - Returns: `nil` for an answer that does not exist, that only says that the language is not supported, or that
    ///   has no label although one is asked for.
    private func text(of reference: ItemReference) -> String? {
        guard let step = steps.first(where: { $0.ordinal == reference.step }), let item = reference.item,
            step.answers.indices.contains(item), let answer = step.answers[item], !answer.isInUnsupportedLanguage
        else { return nil }
        switch (reference.select, answer.output) {
        case (_, .label(let text)), (.output, .text(let text)), (.output, .json(let text)): return text
        case (.label, .text), (.label, .json): return nil
        }
    }
}

extension String {
    /// The size as a JSON string, as records and rows hold it.
    fileprivate var writtenBytes: Int {
        var writer = JSONWriter(reservingCapacity: utf8.count + 2)
        writer.string(self)
        return writer.bytes.count
    }
}
