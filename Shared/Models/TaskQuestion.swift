import Contracts
import Crypto

extension Question {
    /// What a language model is asked about the items of a task.
    /// - Returns: `nil` for a transcript, which is not answered in words.
    public init?(_ task: TaskDescription, as route: Route, deadline: ContinuousClock.Instant? = nil) {
        let kind: Kind
        switch task.output {
        case .label(let labels): kind = .labels(labels.map { Label($0.name, description: $0.description) })
        case .text: kind = .text
        case .json(let schema): kind = .json(schema: schema)
        case .transcript: return nil
        }
        self.init(
            task: "\(route)", description: task.description, kind: kind,
            limits: Limits(
                maxTokens: task.limits.maxTokens, temperature: task.limits.temperature, stop: task.limits.stop),
            deadline: deadline)
    }

    /// Which tasks of a catalog a text is for.
    public init(routingTo catalog: Catalog) {
        let labels = catalog.capabilities.flatMap { capability in
            capability.tasks.map { task in
                Label(
                    "\(Route(capability.name, task.name))",
                    description: "\(capability.title). \(task.description)")
            }
        }
        let cuts = catalog.decomposition.splitBelow != nil
        self.init(
            task: "\(Route.decomposition)",
            description: cuts
                ? "Cuts a text into the wishes that it expresses, and says of each for which of the tasks it is."
                : "Says for which of the tasks a text is.",
            kind: .routing(labels, cuts: cuts), limits: Limits(maxTokens: cuts ? 1_024 : 256))
    }

    /// Changes with every word of the question, since each can change an answer.
    fileprivate var fingerprint: [UInt8] {
        var parts = [task, description, "\(limits.maxTokens) \(limits.temperature ?? -1)"] + limits.stop
        switch kind {
        case .labels(let labels): parts += labels.flatMap { ["label", $0.name, $0.description] }
        case .routing(let labels, let cuts):
            parts.append(cuts ? "parts" : "routes")
            parts += labels.flatMap { ["label", $0.name, $0.description] }
        case .text: parts.append("text")
        case .json(let schema): parts += ["json", schema]
        }
        // The lengths keep the parts apart.
        return Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8)
    }
}

extension ModelIdentity {
    /// An endpoint as the model of one route. Its answers depend on its own settings, and on what it is asked.
    public init(_ endpoint: ModelIdentity, asked question: Question) {
        let bytes = Array("\(endpoint.version) ".utf8) + question.fingerprint
        self.init(
            name: endpoint.name, version: String(bytes.withUnsafeBytes { SHA256.hex($0) }.prefix(12)))
    }
}

extension Catalog {
    /// The endpoint that is the full model of a route, with its version for this route.
    /// - Returns: `nil` if the full model is no endpoint of the catalog.
    public func fullEndpoint(of route: Route) -> ModelIdentity? {
        self[route].flatMap { endpoint($0.models.full, on: route) }
    }

    /// An endpoint as a model of a route, with its version for this route.
    /// - Parameter name: written `endpoint:NAME`.
    /// - Returns: `nil` if the catalog does not have this endpoint, or if it cannot answer the task.
    public func endpoint(_ name: String, on route: Route) -> ModelIdentity? {
        guard let task = self[route], let endpoint = endpoint(of: name), let question = Question(task, as: route)
        else { return nil }
        return ModelIdentity(ModelIdentity(name: name, version: endpoint.version), asked: question)
    }
}
