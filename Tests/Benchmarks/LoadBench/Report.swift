import JSON

/// The measurements of a run.
struct Report: Sendable {
    var requests: Int
    var items: Int
    var missing: Int
    /// Results with another status than `completed`.
    var notCompleted: Int
    /// - Units: seconds, from the first request's schedule to the last result.
    var seconds: Double
    /// From a request's scheduled time to its result, in ascending order. - Units: milliseconds.
    var latencies: [Double]
    /// The delay of the generator itself, in ascending order. - Units: milliseconds.
    var lateness: [Double]

    var isWhole: Bool { missing == 0 && notCompleted == 0 }

    func json(_ options: Options) -> String {
        var writer = JSONWriter()
        writer.object { body in
            body.member("mix", options.mix.rawValue)
            switch options.pace {
            case .completion(let inFlight): body.member("inFlight", inFlight)
            case .openLoop(let rate): body.member("rate", rate)
            }
            body.member("requests", requests)
            body.member("items", items)
            body.member("missing", missing)
            body.member("notCompleted", notCompleted)
            body.number("seconds", seconds)
            body.number("requestsPerSecond", Double(requests - missing) / seconds)
            body.number("itemsPerSecond", Double(items) / seconds)
            body.number("p50", Self.percentile(latencies, 0.50))
            body.number("p95", Self.percentile(latencies, 0.95))
            body.number("p99", Self.percentile(latencies, 0.99))
            body.number("max", latencies.last)
            body.number("generatorLatenessP99", Self.percentile(lateness, 0.99))
        }
        return writer.text
    }

    /// The nearest rank.
    static func percentile(_ sorted: [Double], _ share: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        return sorted[min(sorted.count - 1, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }
}

extension JSONWriter {
    fileprivate mutating func number(_ name: String, _ value: Double?) {
        optional(name, value) { $0.double(($1 * 1000).rounded() / 1000) }
    }
}
