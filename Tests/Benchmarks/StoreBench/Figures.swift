/// The times of a run.
struct Figures {
    let batch: Int
    var requests = 0
    var elapsed = Duration.zero
    var accept = Duration.zero
    var update = Duration.zero
    /// - Units: seconds of processor time.
    var client = 0.0
    var server: Double?

    init(batch: Int) { self.batch = batch }

    var line: String {
        let batches = Double(requests) / Double(batch)
        let figures = [
            Double(requests) / elapsed.seconds, client / Double(requests) * 1e6,
            (server ?? .nan) / Double(requests) * 1e6, accept.seconds / batches * 1e3, update.seconds / batches * 1e3,
        ]
        return padded("\(batch)", 5)
            + figures.enumerated().map { padded("\(($1 * 10).rounded() / 10)", $0 == 0 ? 13 : 12) }.joined()
    }

    private func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
