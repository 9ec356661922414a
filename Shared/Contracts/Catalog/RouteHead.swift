/// How people's texts find a task that the router's own head does not know.
public struct TaskRouting: Sendable, Equatable {
    /// Texts that belong to the task. They stay in the catalog, so that a head can be made for another router too.
    public var examples: [String]
    /// `nil` if none was fitted yet. Only machines ask for the task then.
    public var head: RouteHead?

    public init(examples: [String], head: RouteHead? = nil) {
        self.examples = examples
        self.head = head
    }
}

/// A linear map over the router's state that says whether an item belongs to a task.
///
/// It means nothing to another router, so it names its own.
public struct RouteHead: Sendable, Equatable {
    /// The fingerprint of the router's state.
    public var router: String
    /// How many examples it was fitted to.
    public var examples: Int
    public var temperature: Double
    /// The probability from which an item belongs to the task.
    public var threshold: Double
    /// One weight for each number of the state.
    public var weights: [Float]
    public var bias: Float

    public init(
        router: String, examples: Int, temperature: Double, threshold: Double, weights: [Float], bias: Float
    ) {
        self.router = router
        self.examples = examples
        self.temperature = temperature
        self.threshold = threshold
        self.weights = weights
        self.bias = bias
    }
}

/// What a router follows of the catalog.
public struct CatalogRouting: Sendable, Equatable {
    public struct Head: Sendable, Equatable {
        public let route: Route
        public let head: RouteHead
    }

    /// In the order of the catalog.
    public let heads: [Head]
}

extension Catalog {
    public var routing: CatalogRouting {
        CatalogRouting(
            heads: routes.compactMap { route in
                guard let task = taskDescriptions[route], let head = task.routing?.head else { return nil }
                return CatalogRouting.Head(route: route, head: head)
            })
    }
}
