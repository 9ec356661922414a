import Contracts
import Inference
import Models

/// Computes what the full models would have consumed for the items that a small model answered.
///
/// The tokens are those that the small model counted. Its vocabulary splits rare words into more pieces, so the count
/// is up to a few percent above an encoder's (`infra/decisions/0006-counterfactual.md`). Of an endpoint, nothing is
/// asked: the words that any model would have to read are the task's description and its labels beside the text, and
/// the ones that it would have to write are the label. The instructions count once for the items of a call, as in one
/// question, and a token has four bytes. Both are rather too little, so that a saving is not claimed too high.
public struct Counterfactual: Sendable {
    private enum FullModel: Sendable {
        case encoder(ModelCard)
        /// - Units: tokens of the instructions.
        case endpoint(promptTokens: Int64)
    }

    private let models: [Route: FullModel]
    private static let bytesPerToken = 4

    /// One encoder for all of its routes.
    public init(_ card: ModelCard) {
        models = Dictionary(card.heads.map { ($0.route, .encoder(card)) }) { first, _ in first }
    }

    /// - Parameters:
    ///   - encoders: the cards of full models by route.
    ///   - catalog: describes the other routes.
    init(_ encoders: [Route: ModelCard], _ routes: [Route], _ catalog: Catalog) {
        models = routes.reduce(into: [:]) { models, route in
            if let card = encoders[route] {
                models[route] = .encoder(card)
            } else if let task = catalog[route] {
                models[route] = .endpoint(promptTokens: Self.promptTokens(of: task))
            }
        }
    }

    /// What an endpoint that routes would have read and written for items that fit no task: the text, and a word. The
    /// list of all tasks is not counted, since nobody needs it for such an answer.
    public static let routingEndpoint = Counterfactual(models: [.decomposition: .endpoint(promptTokens: 0)])

    private init(models: [Route: FullModel]) { self.models = models }

    public func usage(of predictions: [Prediction], route: Route) -> TokenUsage {
        guard let model = models[route] else { return .zero }
        var sum = TokenUsage.zero
        if case .endpoint(let promptTokens) = model, !predictions.isEmpty { sum.inputTokens = promptTokens }
        for prediction in predictions {
            sum.inputTokens += Int64(prediction.inputTokens)
            switch model {
            case .encoder(let card):
                sum.flops += card.flops(
                    tokens: prediction.inputTokens, route: route, windows: prediction.windows)
            case .endpoint:
                sum.outputTokens += Int64(max(1, prediction.label.utf8.count / Self.bytesPerToken))
            }
        }
        return sum
    }

    private static func promptTokens(of task: TaskDescription) -> Int64 {
        guard case .label(let labels) = task.output else { return 0 }
        let bytes = labels.reduce(task.description.utf8.count) {
            $0 + $1.name.utf8.count + $1.description.utf8.count
        }
        return Int64(bytes / bytesPerToken)
    }
}

/// What a process knows of the full models of routes without asking them.
public struct KnownFullModels: Sendable {
    public let identities: [Route: ModelIdentity]
    /// What they alone would consume.
    public let counterfactual: Counterfactual

    /// Reads the cards and fingerprints of encoders, and what the catalog says of endpoints.
    /// - Throws: `ArtifactError`, `InferenceError`
    public init(of routes: [Route], _ catalog: Catalog, _ settings: ModelSettings) throws {
        var encoders: [String: RouteIdentities] = [:]
        var identities: [Route: ModelIdentity] = [:]
        var cards: [Route: ModelCard] = [:]
        for route in routes {
            guard let name = catalog[route]?.models.full else { continue }
            guard !TaskModels.isEndpoint(name) else {
                identities[route] = catalog.fullEndpoint(of: route)
                continue
            }
            let encoder =
                try encoders[name] ?? RouteIdentities(directory: settings.model(named: name), catalog: catalog)
            encoders[name] = encoder
            identities[route] = encoder.identity(of: route)
            cards[route] = encoder.card
        }
        self.identities = identities
        counterfactual = Counterfactual(cards, routes, catalog)
    }
}
