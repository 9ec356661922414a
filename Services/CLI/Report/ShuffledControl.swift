import Contracts

/// Escalates exactly as many items of each task as the suite did, whichever: what it gains is the spending's.
struct ShuffledControl {
    private typealias Place = (request: Int, item: Int)

    private let requests: [[ReportItem]]
    private var tasks: [(places: [Place], escalated: Int)]

    init(_ requests: [[ReportItem]]) {
        self.requests = requests
        let places = requests.indices.flatMap { request in
            requests[request].indices.map { (request: request, item: $0) }
        }
        // In the order of names: a dictionary's own differs from run to run, and so would the draws.
        tasks = Dictionary(grouping: places) { requests[$0.request][$0.item].route.description }
            .sorted { $0.key < $1.key }
            .map { _, places in (places, places.count { requests[$0.request][$0.item].isEscalated }) }
    }

    /// - Returns: the sums of each request.
    mutating func draw(using generator: inout some RandomNumberGenerator) -> [PolicySums] {
        var escalates = requests.map { [Bool](repeating: false, count: $0.count) }
        for task in tasks.indices {
            tasks[task].places.shuffle(using: &generator)
            for place in tasks[task].places.prefix(tasks[task].escalated) {
                escalates[place.request][place.item] = true
            }
        }
        return requests.indices.map { PolicySums(requests[$0], .shuffled, escalates: escalates[$0]) }
    }
}
