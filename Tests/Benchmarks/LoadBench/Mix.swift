import Contracts

/// What a stream of requests is made of.
enum Mix {
    enum Kind: String { case machine, human, mixed }

    /// A request as it is sent, and how many items were put into it.
    struct Load: Sendable {
        var data: [UInt8]
        var items: Int
    }

    private static let payload = Route(.securityServices, "payload")

    static func requests(_ kind: Kind, _ count: Int, data: String, seed: UInt64) throws -> [Load] {
        let routes = kind == .mixed ? Route.requestable : [payload]
        let texts = try LabelledTexts(directory: data, routes: routes).texts
        var generator = SplitMix(seed: seed)
        // Tasks are drawn by the number of their texts, as the files have them.
        let drawn = routes.flatMap { route in [Route](repeating: route, count: texts[route]?.count ?? 0) }
        return (0..<count).map { _ in
            let route = drawn.randomElement(using: &generator) ?? payload
            let size = kind == .mixed ? Int.random(in: 1...4, using: &generator) : 2
            let items = (0..<size).compactMap { _ in texts[route]?.randomElement(using: &generator) }
            return Load(data: request(kind, route, items).encode(), items: size)
        }
    }

    private static func request(_ kind: Kind, _ route: Route, _ items: [String]) -> Request {
        switch kind {
        case .machine, .mixed:
            Request(eventID: "", channel: .machine, steps: [RequestedStep(route: route, items: items)])
        case .human:
            // The form that the splitter cuts most often: a verb of its own for each half, the payload in quotes.
            Request(
                eventID: "", channel: .human,
                text: items.map { "scan the request parameter \"\($0)\"" }.joined(separator: " and then "))
        }
    }
}
