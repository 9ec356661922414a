import Contracts
import Delivery
import Inference
import Routing
import WorkerKit

/// Reads the requests of a batch in one call, so that the model's batches grow with the load.
enum BatchReading {
    /// One request's share of the batch.
    struct Share {
        /// One for each source.
        let readings: [SourceReading]
        let startedAt: Timestamp
        /// - Units: microseconds; the calls' wall-clock time, divided by share of tokens.
        let durationMicros: Int64

        var usage: TokenUsage {
            readings.reduce(into: .zero) { sum, reading in
                sum.inputTokens += Int64(reading.inputTokens)
                sum.flops += reading.flops
            }
        }
    }

    /// - Parameters:
    ///   - requests: the sources of each request.
    ///   - gate: the point at which a bulk lane yields, every few milliseconds of model time; `nil` reads all requests
    ///     at once.
    /// - Returns: a share for each request, in order; an error that is never retriable for a request that is itself at
    ///   fault.
    /// - Throws: a retriable `InferenceError`, which is not the fault of the requests.
    static func run(
        _ requests: [[String]], by reader: any RequestReader, gate: LaneGate?
    ) async throws -> [Result<Share, InferenceError>] {
        try await shares(requests[...], reader, gate)
    }

    /// Reads the requests in one call. If that fails because of a request, bisects them until that one is alone, as the
    /// delivery loop does with records.
    private static func shares(
        _ requests: ArraySlice<[String]>, _ reader: any RequestReader, _ gate: LaneGate?
    ) async throws -> [Result<Share, InferenceError>] {
        guard !requests.isEmpty else { return [] }
        let startedAt = Timestamp.now
        do {
            let (readings, micros) = try await PacedCalls.run(requests.count, gate: gate) { chunk in
                try reader.read(Array(requests.dropFirst(chunk.lowerBound).prefix(chunk.count)))
            }
            let tokens = readings.joined().reduce(0) { $0 + $1.inputTokens }
            return readings.map { own in
                let part = Double(own.reduce(0) { $0 + $1.inputTokens }) / Double(max(tokens, 1))
                return .success(
                    Share(readings: own, startedAt: startedAt, durationMicros: Int64((micros * part).rounded())))
            }
        } catch let error as InferenceError where !error.isRetriable {
            guard requests.count > 1 else { return [.failure(error)] }
            let middle = requests.startIndex + requests.count / 2
            return try await shares(requests[..<middle], reader, gate) + shares(requests[middle...], reader, gate)
        }
    }
}
