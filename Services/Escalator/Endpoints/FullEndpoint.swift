import Contracts
import ModelEndpoint
import Models

/// An endpoint as the full model of one route, or as its small one.
///
/// A reference, since each of hundreds of calls in flight would hold several copies of it.
final class FullEndpoint: Sendable {
    let model: any Model
    let route: Route
    /// Without a deadline.
    let question: Question
    let comparator: TaskDescription.Comparator
    /// How many items are asked about together, and so have one row in the ledger and are kept together.
    let itemsPerCall: Int
    let places: Places
    /// The version that certificates name.
    let identity: ModelIdentity

    /// Bounds the calls that are made, about to be made, or being settled, since each takes memory, and a step can have
    /// many. An endpoint has a quarter more places for each lane than it can have calls in flight: while the ledger
    /// keeps the answer of one call, the next one is under way.
    struct Places: Sendable {
        private let lanes: [Lane: FairSemaphore]

        init(_ maxInFlight: Int) {
            lanes = Lane.allCases.reduce(into: [:]) { $0[$1] = FairSemaphore(maxInFlight + max(1, maxInFlight / 4)) }
        }

        subscript(lane: Lane) -> FairSemaphore? { lanes[lane] }
    }

    init(
        model: any Model, route: Route, question: Question, comparator: TaskDescription.Comparator, itemsPerCall: Int,
        places: Places
    ) {
        self.model = model
        self.route = route
        self.question = question
        self.comparator = comparator
        self.itemsPerCall = itemsPerCall
        self.places = places
        identity = ModelIdentity(model.identity, asked: question)
    }

    /// - Parameter model: the endpoint that answered: the one that was meant, or a fallback.
    func identity(of model: ModelIdentity) -> ModelIdentity {
        model == self.model.identity ? identity : ModelIdentity(model, asked: question)
    }

    /// Returns the endpoint as a request is to ask it that an earlier version of the catalog has accepted.
    /// - Parameter task: the route's task in that version.
    func asking(_ task: TaskDescription?) -> FullEndpoint {
        guard let task, let asked = Question(task, as: route), asked != question || task.comparator != comparator else {
            return self
        }
        return FullEndpoint(
            model: model, route: route, question: asked, comparator: task.comparator, itemsPerCall: itemsPerCall,
            places: places)
    }

    /// Divides items into those that are asked about together. Copies of a record are divided in the same way, so that
    /// kept answers are found again.
    func chunks<Item>(_ items: [Item]) -> [[Item]] {
        stride(from: 0, to: items.count, by: itemsPerCall).map {
            Array(items[$0..<min($0 + itemsPerCall, items.count)])
        }
    }

    /// - Parameter lane: the bulk lane's questions give way to others.
    func question(until deadline: Timestamp?, in lane: Lane) -> Question {
        var question = question
        question.isBackground = lane == .bulk
        question.deadline = deadline.map { deadline in
            ContinuousClock.now + .milliseconds(deadline.milliseconds - Timestamp.now.milliseconds)
        }
        return question
    }
}

extension EndpointSet {
    /// The routes of a catalog whose full model is one of these endpoints. Among them may be the routing of items.
    func fullModels(of catalog: Catalog) -> [Route: FullEndpoint] {
        var places: [String: FullEndpoint.Places] = [:]
        var models = models(of: catalog, sharing: &places, { $0.full }) { Question($0, as: $1) }
        models[.decomposition] = endpoint(
            catalog.decomposition.full, on: .decomposition, Question(routingTo: catalog), .exact, sharing: &places)
        return models
    }

    /// The routes of a catalog whose small model is one of these endpoints.
    func smallModels(of catalog: Catalog) -> [Route: FullEndpoint] {
        var places: [String: FullEndpoint.Places] = [:]
        return models(of: catalog, sharing: &places, { $0.small }) { Question($0, as: $1) }
    }

    /// The judges of the routes that have one, each asked whether two answers say the same.
    func judges(of catalog: Catalog) -> [Route: FullEndpoint] {
        var places: [String: FullEndpoint.Places] = [:]
        return models(of: catalog, sharing: &places, { $0.judge }) { Question(judging: $0, of: $1) }
    }

    private func models(
        of catalog: Catalog, sharing places: inout [String: FullEndpoint.Places], _ name: (TaskModels) -> String?,
        _ question: (TaskDescription, Route) -> Question?
    ) -> [Route: FullEndpoint] {
        var models: [Route: FullEndpoint] = [:]
        for (route, task) in catalog.taskDescriptions {
            guard let name = name(task.models) else { continue }
            models[route] = endpoint(name, on: route, question(task, route), task.comparator, sharing: &places)
        }
        return models
    }

    private func endpoint(
        _ name: String, on route: Route, _ question: Question?, _ comparator: TaskDescription.Comparator,
        sharing places: inout [String: FullEndpoint.Places]
    ) -> FullEndpoint? {
        guard let model = model(named: name), let question else { return nil }
        let own = places[name] ?? FullEndpoint.Places(maxInFlight(of: name))
        places[name] = own
        return FullEndpoint(
            model: model, route: route, question: question, comparator: comparator,
            itemsPerCall: itemsPerCall(of: name), places: own)
    }
}

extension FullEndpoint {
    /// Returns what the endpoint, or a fallback, said about an item as an answer of the full or the small model.
    func answer(_ said: ModelOutput, decidedBy: Answer.DecidedBy = .full) -> Answer {
        Answer(
            said.answer.output, confidence: said.evidence.confidence ?? 0, evidence: said.evidence.source,
            decidedBy: decidedBy, model: identity(of: said.model).description, isTruncated: said.isTruncated)
    }
}

extension Evidence {
    fileprivate var source: Answer.Evidence {
        switch self {
        case .measured: .measured
        case .sampled: .sampled
        case .selfReported: .selfReported
        case .none: .none
        }
    }
}
