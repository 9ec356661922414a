import Contracts
import Inference

/// What the full model would have consumed for the same items, read in as many windows: known from its card, without
/// loading it.
///
/// A small model's vocabulary splits rare words into more pieces, so its token count is an upper bound of the full
/// model's by a few percent (`infra/decisions/0006-counterfactual.md`).
public struct Counterfactual: Sendable {
    private let card: ModelCard

    /// - Throws: `ArtifactError`
    public init(fullModelDirectory: String) throws {
        card = try ModelCard.load(directory: fullModelDirectory)
    }

    public var identity: ModelIdentity { card.identity }

    /// The name under which the full model is priced.
    public var model: String { identity.name }

    public func usage(of predictions: [Prediction], route: Route) -> TokenUsage {
        predictions.reduce(into: .zero) { sum, prediction in
            sum.inputTokens += Int64(prediction.inputTokens)
            sum.flops += card.flops(
                tokens: prediction.inputTokens, route: route, windows: prediction.windows)
        }
    }
}
