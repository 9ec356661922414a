/// The content and the pace of the load.
struct Options {
    enum Pace {
        /// As fast as the suite answers, with this many requests open.
        case completion(inFlight: Int)
        /// This many requests each second, regardless of the suite.
        case openLoop(rate: Int)
    }

    static let help = """
        Usage: LoadBench --mix machine|human|mixed|endpoint --requests N [--in-flight N] [--seed N]
               LoadBench --mix machine|human|mixed|endpoint --rate PER_SECOND --seconds S [--seed N]

        Prints one JSON object. KAFKA_BOOTSTRAP_SERVERS names the broker, WINNOW_DATA_DIRECTORY the labelled files.
        """

    let mix: Mix.Kind
    let pace: Pace
    let requests: Int
    let seed: UInt64

    init(_ words: [String]) throws(UsageError) {
        var values: [String: String] = [:]
        guard words.count.isMultiple(of: 2) else { throw UsageError("every option takes a value") }
        for index in stride(from: 0, to: words.count, by: 2) { values[words[index]] = words[index + 1] }
        func number(_ name: String, default fallback: Int? = nil) throws(UsageError) -> Int {
            guard let text = values.removeValue(forKey: name) else {
                if let fallback { return fallback }
                throw UsageError("\(name) is missing")
            }
            guard let value = Int(text), value > 0 else { throw UsageError("\(name) must be a positive number") }
            return value
        }
        guard let mix = values.removeValue(forKey: "--mix").flatMap(Mix.Kind.init(rawValue:)) else {
            throw UsageError("--mix must be machine, human, mixed or endpoint")
        }
        self.mix = mix
        seed = UInt64(try number("--seed", default: 7))
        if values["--rate"] != nil {
            let rate = try number("--rate")
            pace = .openLoop(rate: rate)
            requests = rate * (try number("--seconds"))
        } else {
            requests = try number("--requests")
            pace = .completion(inFlight: try number("--in-flight", default: 2000))
        }
        if let unknown = values.keys.first { throw UsageError("\(unknown) is not an option here") }
    }
}

struct UsageError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
