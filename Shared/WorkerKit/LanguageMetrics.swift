import Contracts
import Languages
import Telemetry

/// Counts the items that models are not asked about because of their language.
///
/// Each is counted where that is decided for good: one that nobody understands by whoever answers it, and one for the
/// full model by the escalator.
public struct LanguageMetrics: Sendable {
    private let metrics: Metrics

    public init(_ metrics: Metrics) { self.metrics = metrics }

    public func count(_ verdicts: [LanguageVerdict], of capability: Capability) {
        for verdict in verdicts {
            switch verdict {
            case .proceed: break
            case .full(let language): counter(capability, language, "full").increment()
            case .unsupported(let language): counter(capability, language, "unsupported").increment()
            }
        }
    }

    /// - Parameter language: one of about eighty, since the recognizer knows no others.
    private func counter(_ capability: Capability, _ language: String, _ verdict: String) -> Counter {
        metrics.counter(
            "winnow_items_other_language_total",
            "Items in a language that the small models were not cut for, by what became of them.",
            [
                (name: "capability", value: capability.rawValue), (name: "language", value: language),
                (name: "verdict", value: verdict),
            ])
    }
}
