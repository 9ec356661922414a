import Models
import Synchronization
import Telemetry

/// The metrics and log lines of one endpoint. They hold its name, codes and figures, and never a prompt, an answer or a
/// key.
/// - Source: OpenTelemetry semantic conventions for generative AI: gen_ai.client.operation.duration,
///   gen_ai.client.token.usage
final class EndpointMetrics: Sendable {
    enum Limit: String, CaseIterable, Sendable {
        case inFlight = "in_flight"
        case requests, tokens
    }

    private let name: String
    private let model: String
    private let logger: Logger
    private let metrics: Metrics
    private let inFlight: Gauge
    private let waiting: Gauge
    private let breaker: Gauge
    private let opened: Counter
    private let duration: Histogram
    private let dropsLogprobs: Gauge
    private let missingLogprobs: Counter
    private let missingUsage: Counter
    private let counters = Mutex<[String: Counter]>([:])

    /// From a short answer of a fast server to the longest timeout. - Units: seconds.
    private static let bounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

    init(_ metrics: Metrics, logger: Logger, name: String, model: String) {
        (self.metrics, self.logger, self.name, self.model) = (metrics, logger, name, model)
        let labels = [(name: "endpoint", value: name)]
        inFlight = metrics.gauge("winnow_endpoint_in_flight", "Calls that hold a place of the endpoint.", labels)
        waiting = metrics.gauge("winnow_endpoint_waiting", "Calls that wait for a place of the endpoint.", labels)
        breaker = metrics.gauge(
            "winnow_endpoint_breaker_state", "The circuit breaker: 0 closed, 1 half-open, 2 open.", labels)
        opened = metrics.counter("winnow_endpoint_breaker_opened_total", "Times that the circuit opened.", labels)
        duration = metrics.histogram(
            "winnow_gen_ai_client_operation_duration_seconds", "Duration of requests to a model's server.", labels,
            bounds: Self.bounds)
        dropsLogprobs = metrics.gauge(
            "winnow_endpoint_drops_logprobs",
            "1 while the server leaves out the token probabilities that it is asked for.", labels)
        missingLogprobs = metrics.counter(
            "winnow_endpoint_logprobs_missing_total", "Answers without the token probabilities asked for.", labels)
        missingUsage = metrics.counter(
            "winnow_endpoint_usage_missing_total", "Answers whose tokens we had to estimate.", labels)
        breaker.set(0)
        dropsLogprobs.set(0)
    }

    func show(_ places: (taken: Int, waiting: Int)) {
        inFlight.set(places.taken)
        waiting.set(places.waiting)
    }

    func waits(for limit: Limit) {
        metrics.counter(
            "winnow_endpoint_waits_total", "Calls that waited for a limit of ours.",
            [("endpoint", name), ("limit", limit.rawValue)]
        ).increment()
    }

    func breakerChanged(_ state: CircuitBreaker.State) {
        switch state {
        case .closed:
            breaker.set(0)
            logger.notice("Endpoint circuit closed", metadata: [LogKeys.endpoint: name])
        case .halfOpen: breaker.set(1)
        case .open:
            breaker.set(2)
            opened.increment()
            logger.warning("Endpoint circuit opened", metadata: [LogKeys.endpoint: name])
        }
    }

    /// Counts a try, whether or not it was answered.
    func ended(_ attempt: ModelAttempt, usageWasMissing: Bool) {
        let outcome = attempt.error?.rawValue ?? "answered"
        known(outcome) {
            metrics.counter(
                "winnow_endpoint_requests_total", "Requests to a model's server, by how they ended.",
                [("endpoint", name), ("outcome", outcome)])
        }.increment()
        duration.observe(attempt.usage.duration)
        if usageWasMissing { missingUsage.increment() }
        count(attempt.usage.inputTokens - attempt.usage.cachedInputTokens, "input")
        count(attempt.usage.cachedInputTokens, "cached_input")
        count(attempt.usage.outputTokens, "output")
    }

    private func count(_ tokens: Int64, _ type: String) {
        guard tokens > 0 else { return }
        known("tokens \(type)") {
            metrics.counter(
                "winnow_gen_ai_client_tokens_total",
                "Tokens of requests to a model's server. Those of requests that broke are upper bounds.",
                [("endpoint", name), ("token_type", type)])
        }.increment(by: Int(tokens))
    }

    /// A counter of every call. It is made when it first counts, and found without its name and labels afterwards.
    private func known(_ key: String, _ make: () -> Counter) -> Counter {
        counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let counter = make()
            counters[key] = counter
            return counter
        }
    }

    func retries(after error: ModelError) {
        metrics.counter(
            "winnow_endpoint_retries_total", "Requests that are made again, by what went wrong.",
            [("endpoint", name), ("reason", error.code.rawValue)]
        ).increment()
        logger.info(
            "Endpoint request retried",
            metadata: [
                LogKeys.endpoint: name, LogKeys.requestModel: model, LogKeys.errorType: error.code.rawValue,
                LogKeys.errorMessage: error.message,
            ])
    }

    /// - Parameter isNew: whether this is the first time that the server shows it.
    func logprobs(areMissing: Bool, isNew: Bool) {
        if areMissing { missingLogprobs.increment() }
        guard isNew else { return }
        dropsLogprobs.set(areMissing ? 1 : 0)
        if areMissing {
            logger.warning("Endpoint leaves out token probabilities", metadata: [LogKeys.endpoint: name])
        }
    }

    func refuses(_ feature: String) {
        logger.notice(
            "Endpoint refuses a feature and is asked without it",
            metadata: [LogKeys.endpoint: name, LogKeys.reason: feature])
    }
}
