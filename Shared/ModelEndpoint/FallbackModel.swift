import Contracts
import Models

/// Asks a model, and the next one about what the first gave no usable response for.
struct FallbackModel: Model {
    let models: [any Model]

    /// - Parameter models: not empty; the first one is the model itself.
    init(_ models: [any Model]) { self.models = models }

    var identity: ModelIdentity { models[0].identity }

    func answer(
        _ inputs: [ModelInput], as question: Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput] {
        let sheet = AnswerSheet(count: inputs.count)
        var open = Array(inputs.indices)
        for (place, model) in models.enumerated() {
            do {
                let outputs = try await model.answer(open.map { inputs[$0] }, as: question, on: ledger)
                for (input, output) in zip(open, outputs) { sheet.note(output, at: input) }
                return try sheet.outputs()
            } catch let error as ModelError {
                let answered = error.outputs.isEmpty ? open.map { _ in nil } : error.outputs
                for (input, output) in zip(open, answered) { if let output { sheet.note(output, at: input) } }
                open = zip(open, answered).filter { $0.1 == nil }.map(\.0)
                if let first = open.first { sheet.add(error.attempts, at: first) }
                let isLast = place == models.count - 1
                if isLast || !error.code.isAboutServer {
                    sheet.fail(error, at: open)
                    return try sheet.outputs()
                }
            }
        }
        return try sheet.outputs()
    }
}

extension AnswerSheet {
    /// Notes an answer together with its tries.
    fileprivate func note(_ output: ModelOutput, at input: Int) {
        add(output.attempts, at: input)
        answer(output, at: input)
    }
}
