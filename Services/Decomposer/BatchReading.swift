import Contracts
import Delivery
import Inference

/// The seam between the planner and the router.
protocol RequestReader: Sendable {
    /// The router's name, and its version, which answers and the ledger name.
    var identity: ModelIdentity { get }

    /// - Parameter requests: the sources of each request: its own text first, then its attachments.
    /// - Returns: for each request a reading of each source.
    func read(_ requests: [[String]]) throws(InferenceError) -> [[SourceReading]]
}

extension ItemReader: RequestReader {}

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
            let (readings, micros) = try await read(requests, reader, gate)
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

    /// - Returns: the readings, and the wall-clock time of the calls in microseconds without the waits at the gate.
    private static func read(
        _ requests: ArraySlice<[String]>, _ reader: any RequestReader, _ gate: LaneGate?
    ) async throws -> ([[SourceReading]], Double) {
        let clock = ContinuousClock()
        var readings: [[SourceReading]] = []
        var sum = Duration.zero
        var size = gate == nil ? requests.count : 1
        while readings.count < requests.count {
            await gate?.giveWay()
            let start = clock.now
            readings += try reader.read(Array(requests.dropFirst(readings.count).prefix(size)))
            let took = clock.now - start
            sum += took
            // Aims the next chunk at `Self.chunk` of model time. The time of a request is known only after the call, and
            // varies by a factor of a thousand, so a chunk at most doubles.
            size = max(1, min(2 * size, Int(Double(size) * (Self.chunk / max(took, .microseconds(1))))))
        }
        return (readings, sum / .microseconds(1))
    }

    /// The time that a bulk lane computes before it checks the gate, unless one request takes longer.
    private static let chunk = Duration.milliseconds(5)
}
