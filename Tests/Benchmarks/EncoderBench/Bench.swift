import Contracts
import FoundationEssentials
import Inference

/// Runs one model over a list of texts: with all of the head's layers (`batch1`, `batch32`), and with exits as in
/// production (`early1`, `early32`). Every text is one window, as in the reference.
struct Bench {
    private let model: EncoderClassifier
    private let route: Route
    private let texts: [String]
    private let clock = ContinuousClock()
    private static let rounds = 7

    struct Fault: Error { let message: String }

    init(_ argument: String, _ texts: [String]) throws {
        let parts = argument.split(separator: ":", maxSplits: 1).map(String.init)
        guard let directory = parts.first else { throw Fault(message: "no model named") }
        model = try EncoderClassifier(directory: directory, catalog: Catalog())
        guard let route = parts.count > 1 ? Route(parts[1]) : model.routes.first else {
            throw Fault(message: "no route named")
        }
        (self.route, self.texts) = (route, texts)
    }

    static func lines(of path: String) throws -> [String] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    func report() throws -> String {
        let tokens = try model.predict(texts, as: route, mostWindows: 1).reduce(0) { $0 + $1.inputTokens }
        let single = try calls(of: 1, leavesEarly: false), batched = try calls(of: 32, leavesEarly: false)
        let early = (single: try calls(of: 1, leavesEarly: true), batched: try calls(of: 32, leavesEarly: true))
        let tokenizing = try tokenizer()
        let tokensPerItem = Double(tokens) / Double(texts.count)
        return """
            {"model":"\(model.identity)","route":"\(route)","items":\(texts.count),\
            "tokensPerItem":\(short(tokensPerItem)),\
            "batch1":\(json(single, tokensPerItem)),"batch32":\(json(batched, tokensPerItem)),\
            "early1":\(json(early.single, tokensPerItem)),"early32":\(json(early.batched, tokensPerItem)),\
            "tokenizerMicros":\(short(tokenizing))}
            """
    }

    /// Microseconds per item: the best round of every call, averaged over the items; and the median round.
    private func calls(of size: Int, leavesEarly: Bool) throws -> (best: Double, median: Double) {
        let batches = stride(from: 0, to: texts.count, by: size).map { Array(texts[$0..<min($0 + size, texts.count)]) }
        var best = [Double](repeating: .infinity, count: batches.count)
        var rounds: [Double] = []
        for batch in batches { _ = try model.predict(batch, as: route, leavesEarly: leavesEarly, mostWindows: 1) }
        for _ in 0..<Self.rounds {
            var total = 0.0
            for (index, batch) in batches.enumerated() {
                let micros = try time {
                    _ = try model.predict(batch, as: route, leavesEarly: leavesEarly, mostWindows: 1)
                }
                best[index] = min(best[index], micros)
                total += micros
            }
            rounds.append(total / Double(texts.count))
        }
        return (best.reduce(0, +) / Double(texts.count), rounds.sorted()[Self.rounds / 2])
    }

    private func tokenizer() throws -> Double {
        var best = Double.infinity
        for _ in 0..<Self.rounds {
            let micros = time { for text in texts { _ = model.tokenizer.encode(text, maxTokens: 256) } }
            best = min(best, micros / Double(texts.count))
        }
        return best
    }

    private func time(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try clock.measure(body).components
        return Double(elapsed.seconds) * 1e6 + Double(elapsed.attoseconds) / 1e12
    }

    private func json(_ figures: (best: Double, median: Double), _ tokensPerItem: Double) -> String {
        """
        {"minMicrosPerItem":\(short(figures.best)),"medianMicrosPerItem":\(short(figures.median)),\
        "tokensPerSecond":\(Int(tokensPerItem / figures.best * 1e6))}
        """
    }

    private func short(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
}
