import Contracts
import Inference

/// Runs an item reader over requests of about 3,000 characters, one in each call.
struct ReaderBench {
    private let reader: ItemReader
    private let requests: [String]
    private let clock = ContinuousClock()
    private static let rounds = 7
    /// - Units: code points.
    private static let length = 3000

    /// - Parameter lines: those of requests. As many as it takes make one.
    init(_ directory: String, _ lines: [String]) throws {
        reader = try ItemReader(directory: directory, catalog: Catalog())
        var requests = [""]
        for line in lines {
            requests[requests.count - 1] += line + "\n"
            if requests[requests.count - 1].unicodeScalars.count >= Self.length { requests.append("") }
        }
        self.requests = requests.dropLast().map {
            String(String.UnicodeScalarView($0.unicodeScalars.prefix(Self.length)))
        }
    }

    func report() throws -> String {
        guard !requests.isEmpty else { throw Bench.Fault(message: "fewer than \(Self.length) characters") }
        var micros: [Double] = [], tokens = 0, flops: Int64 = 0
        for round in 0...Self.rounds {
            for request in requests {
                var readings: [[SourceReading]] = []
                let elapsed = try clock.measure { readings = try reader.read([[request]]) }.components
                guard round > 0 else {
                    tokens += readings[0][0].inputTokens
                    flops += readings[0][0].flops
                    continue
                }
                micros.append(Double(elapsed.seconds) * 1e6 + Double(elapsed.attoseconds) / 1e12)
            }
        }
        micros.sort()
        return """
            {"model":"\(reader.identity)","requests":\(requests.count),"characters":\(Self.length),\
            "tokens":\(tokens / requests.count),"flops":\(flops / Int64(requests.count)),\
            "minMicros":\(Int(micros[0])),"medianMicros":\(Int(micros[micros.count / 2]))}
            """
    }
}
