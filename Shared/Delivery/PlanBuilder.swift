import Contracts

/// Groups routed items into steps of at most 64, one capability and task each, in the order of their first item.
public struct PlanBuilder: Sendable {
    public private(set) var steps: [Step] = []
    private let firstOrdinal: Int
    private let dependsOn: [Int]

    public init(firstOrdinal: Int, dependsOn: [Int] = []) {
        self.firstOrdinal = firstOrdinal
        self.dependsOn = dependsOn
    }

    public mutating func add(_ item: Item, to routes: [Route]) {
        for route in routes {
            let open = steps.lastIndex { $0.route == route && $0.items.count < Limits.itemsPerStep }
            if let open {
                steps[open].items.append(item)
            } else {
                steps.append(
                    Step(
                        ordinal: firstOrdinal + steps.count, route: route, items: [item], dependsOn: dependsOn,
                        state: .dispatched))
            }
        }
    }

    /// The routes that a routing answer names; unknown words and `none` name nothing.
    public static func routes(in label: String) -> [Route] {
        label.split(separator: ",").compactMap { Route(String($0)) }.filter { Route.requestable.contains($0) }
    }
}
