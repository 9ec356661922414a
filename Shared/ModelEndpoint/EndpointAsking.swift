import Contracts
import Models

/// Asks one question about several inputs: in which calls, what is asked again, and how sure the answers are.
///
/// A reference: each of hundreds of calls in flight would otherwise hold several copies of it.
final class EndpointAsking: Sendable {
    let endpoint: Endpoint
    let question: Question
    let asked: [ModelInput]
    let sheet: AnswerSheet
    let ledger: (any CallLedger)?

    init(
        endpoint: Endpoint, question: Question, asked: [ModelInput], sheet: AnswerSheet, ledger: (any CallLedger)?
    ) {
        self.endpoint = endpoint
        self.question = question
        self.asked = asked
        self.sheet = sheet
        self.ledger = ledger
    }

    /// The answers of one call for its inputs.
    private typealias Items = [AnswerReader.Item?]

    private var configuration: EndpointConfiguration { endpoint.configuration }

    /// Makes these calls, at most as many at a time as the endpoint lets through.
    /// - Parameter calls: the indices of the inputs of each call.
    func ask(_ calls: [[Int]]) async {
        // Mostly there is one call, and it needs no task of its own.
        if calls.count == 1 { return await call(calls[0]) }
        await withTaskGroup(of: Void.self) { group in
            var rest = calls[...]
            func next() {
                guard let inputs = rest.popFirst() else { return }
                group.addTask { await self.call(inputs) }
            }
            for _ in 0..<configuration.gate.maxInFlight { next() }
            for await _ in group { next() }
        }
    }

    private func call(_ inputs: [Int]) async {
        if let obstacle = sheet.obstacle { return sheet.fail(obstacle, at: inputs) }
        do throws(ModelError) {
            let (content, form) = try await reply(inputs)
            let items: Items
            do throws(ReplyFault) {
                items = try AnswerReader.items(of: content, form, to: asked[inputs[0]].text)
            } catch {
                if inputs.count > 1 { return await ask(inputs.map { [$0] }) }
                // A label that cannot be read is asked for once more, like one that is not allowed.
                guard error.code == .notJSON, question.kind.hasLabels else { throw endpoint.error(error) }
                items = [nil]
            }
            await settle(items, of: inputs, content)
        } catch {
            sheet.fail(error, at: inputs)
        }
    }

    /// Asks again for what is missing, and writes the answers down. Not a part of `call`, whose variables take memory
    /// while hundreds of calls wait for their servers.
    @inline(never)
    private func settle(_ items: Items, of inputs: [Int], _ content: ChatReply.Content) async {
        let samples = await samples(of: inputs, items)
        for (place, input) in inputs.enumerated() {
            do throws(ModelError) {
                var evidence = Evidence.none
                let item: AnswerReader.Item
                if let first = items[place] {
                    (item, evidence) = Self.judged(first, samples.map { $0[place] })
                } else {
                    (item, evidence) = Self.judged(try await askAgain(input), [])
                }
                sheet.answer(
                    ModelOutput(
                        answer: item.answer, evidence: evidence, isTruncated: content.isTruncated,
                        model: endpoint.identity, attempts: []), at: input)
            } catch {
                sheet.fail(error, at: [input])
            }
        }
    }

    /// - Throws: `ModelError`, if the second answer is none of the labels either.
    private func askAgain(_ input: Int) async throws(ModelError) -> AnswerReader.Item {
        let (content, form) = try await reply([input])
        do throws(ReplyFault) {
            if let item = try AnswerReader.items(of: content, form, to: asked[input].text).first ?? nil { return item }
        } catch {
            throw endpoint.error(error)
        }
        throw endpoint.error(
            .outsideLabels, "the model answered twice with none of the labels", isRetriable: false)
    }

    /// Further answers to the same inputs, if the first ones came without probabilities and samples are wanted. A call
    /// that fails agrees with nobody: fewer samples would make a model surer than it is.
    private func samples(of inputs: [Int], _ first: Items) async -> [Items] {
        guard case .labels = question.kind, configuration.samples > 1,
            first.contains(where: { $0 != nil && $0?.measured == nil })
        else { return [] }
        return await withTaskGroup(of: Items?.self) { group in
            for _ in 1..<configuration.samples {
                group.addTask {
                    guard let (content, form) = try? await self.reply(inputs, isSample: true) else { return nil }
                    return try? AnswerReader.items(of: content, form, to: self.asked[inputs[0]].text)
                }
            }
            return await group.reduce(into: []) { $0.append($1 ?? inputs.map { _ in nil }) }
        }
    }

    /// Chooses the answer that most samples agree on, the first one in doubt, and says how sure it is.
    private static func judged(
        _ first: AnswerReader.Item, _ samples: [AnswerReader.Item?]
    ) -> (AnswerReader.Item, Evidence) {
        if let measured = first.measured { return (first, .measured(measured)) }
        guard !samples.isEmpty else { return (first, first.selfReported.map(Evidence.selfReported) ?? .none) }
        var best = first, most = 0
        for candidate in [first] + samples.compactMap({ $0 }) {
            let count = ([first] + samples).count { $0?.answer == candidate.answer }
            if count > most { (best, most) = (candidate, count) }
        }
        return (best, .sampled(agreeing: most, of: samples.count + 1))
    }

    /// Makes one call, and lists its tries at the first of its inputs.
    private func reply(
        _ inputs: [Int], isSample: Bool = false
    ) async throws(ModelError) -> (ChatReply.Content, ChatForm) {
        let exchange = EndpointExchange(
            endpoint: endpoint, question: question, inputs: inputs.map { asked[$0] },
            temperature: isSample ? configuration.sampleTemperature : nil, ledger: ledger)
        let (attempts, result) = await exchange.run()
        sheet.add(attempts, at: inputs[0])
        return try result.get()
    }
}

extension Endpoint {
    func error(_ fault: ReplyFault) -> ModelError {
        error(fault.code, fault.message, isRetriable: fault.code.isWorthAnotherTry)
    }
}

extension Question.Kind {
    /// Whether an answer must be among labels.
    fileprivate var hasLabels: Bool {
        switch self {
        case .labels, .routing: true
        case .text, .json: false
        }
    }
}

extension ModelError.Code {
    /// Whether a response with this fault may come out differently another time: the server garbled it, rather than
    /// the model meant it.
    var isWorthAnotherTry: Bool {
        switch self {
        case .malformedResponse, .wrongContentType, .missingChoice: true
        default: false
        }
    }
}
