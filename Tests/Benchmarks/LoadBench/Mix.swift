import BuiltInCatalog
import Contracts

/// The composition of a stream of requests.
enum Mix {
    enum Kind: String {
        case machine, human, mixed
        /// One item of the task of `bench-endpoint.sh`, whose full model is an endpoint.
        case endpoint
    }

    /// A request in its encoded form, and the number of its items.
    struct Load: Sendable {
        var data: [UInt8]
        var items: Int
    }

    private static let payload = Route(.securityServices, "payload")
    private static let mood = Route(Capability(rawValue: "bench"), "mood")

    static func requests(_ kind: Kind, _ count: Int, data: String, seed: UInt64) throws -> [Load] {
        // Each text is another one, so that no answer is known already. The labelled files are not needed.
        if kind == .endpoint {
            return (0..<count).map { number in
                let text = "message \(number) of \(seed): the lamp arrived broken, please help"
                return Load(data: request(kind, mood, [text]).encode(), items: 1)
            }
        }
        let routes = kind == .mixed ? Catalog.builtIn.routes : [payload]
        let texts = try LabelledTexts(directory: data, routes: routes).texts
        var generator = SplitMix(seed: seed)
        // Tasks are drawn in proportion to the number of their texts.
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
        case .machine, .mixed, .endpoint:
            Request(
                eventID: "", channel: .machine, steps: [RequestedStep(route: route, items: items.map { .text($0) })])
        case .human:
            // A separate verb for each half, with the payload in quotes.
            Request(
                eventID: "", channel: .human,
                text: items.map { "scan the request parameter \"\($0)\"" }.joined(separator: " and then "))
        }
    }
}
