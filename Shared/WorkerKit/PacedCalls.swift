import Delivery

/// Computes many inputs in chunks of a few milliseconds, between which a bulk lane yields.
public enum PacedCalls {
    /// The time that a bulk lane computes before it checks the gate, unless one input takes longer.
    private static let chunk = Duration.milliseconds(5)

    /// - Parameters:
    ///   - count: the number of inputs.
    ///   - gate: the point at which a bulk lane yields; `nil` computes all inputs at once.
    ///   - compute: returns an output for each input of the range.
    /// - Returns: the outputs, and the wall-clock time of the calls in microseconds without the waits at the gate.
    public static func run<Output>(
        _ count: Int, gate: LaneGate?, _ compute: (Range<Int>) async throws -> [Output]
    ) async throws -> ([Output], micros: Double) {
        let clock = ContinuousClock()
        var outputs: [Output] = []
        var sum = Duration.zero
        var size = gate == nil ? count : 1
        repeat {
            await gate?.giveWay()
            let start = clock.now
            outputs += try await compute(outputs.count..<min(count, outputs.count + size))
            let took = clock.now - start
            sum += took
            // Aims the next chunk at `chunk` of time. What an input takes is known only after the call, and varies by a
            // factor of a thousand, so a chunk at most doubles.
            size = max(1, min(2 * size, Int(Double(size) * (chunk / max(took, .microseconds(1))))))
        } while outputs.count < count
        return (outputs, sum / .microseconds(1))
    }
}
