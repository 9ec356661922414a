import Contracts
import MessageBus
import Planning
import Telemetry

/// Decides what to do with each record of a step, before anything is computed for it.
///
/// The workers and the escalator decide alike. A step that is not computed still gets an outcome, so that its request
/// moves on and its earlier attempts reach the ledger.
public struct StepTriage<Message: StepMessage>: Sendable {
    /// What to do with a step.
    public enum Verdict: Sendable, Equatable {
        case compute
        /// The request was cancelled. The aggregator has already settled the step.
        case cancelled
        /// The deadline has passed.
        case expired
        /// The model does not answer this task.
        case unknownRoute
    }

    /// A step to compute.
    public struct Accepted: Sendable {
        public let event: StepEvent
        public let message: Message
        /// How many times the record has been delivered, including this time.
        public let delivery: Int
    }

    private let source: EventSource
    private let routes: [Route]
    private let unknownRoute: String
    private let cancellations: any Cancellations
    private let cancelled: Counter

    /// - Parameters:
    ///   - routes: those that the model answers.
    ///   - unknownRoute: the error of a step on another route.
    public init(
        source: EventSource, routes: [Route], unknownRoute: String, cancellations: any Cancellations, metrics: Metrics
    ) {
        self.source = source
        self.routes = routes
        self.unknownRoute = unknownRoute
        self.cancellations = cancellations
        cancelled = metrics.counter(
            "winnow_steps_cancelled_total", "Steps dropped before any compute because their request was cancelled.")
    }

    public func verdict(on event: StepEvent, _ route: Route, at now: Timestamp) -> Verdict {
        if cancellations.contains(event.request) { return .cancelled }
        if event.isExpired(at: now) { return .expired }
        return routes.contains(route) ? .compute : .unknownRoute
    }

    /// - Returns: the steps to compute, and the records that all other steps require: their outcomes, and dead letters
    ///   for records that cannot be read.
    public func sort(
        _ records: [Record], at now: Timestamp = .now
    ) -> (accepted: [Accepted], emitted: [OutgoingRecord]) {
        var accepted: [Accepted] = []
        var settled: [OutgoingRecord] = []
        let deadLetters = source.read(records) { record throws(ContractError) in
            let event = try StepEvent(record, as: Message.eventType)
            let message = try event.body(Message.init(decoding:))
            let verdict = verdict(on: event, message.route, at: now)
            guard verdict != .compute else {
                accepted.append(Accepted(event: event, message: message, delivery: Retry.attempt(of: record)))
                return
            }
            if let outcome = outcome(verdict, of: message) { settled.append(source.outcome(outcome, of: event)) }
        }
        return (accepted, deadLetters + settled)
    }

    /// Returns the outcome of a step that is not computed, or not to its end.
    /// - Returns: `nil` for a cancelled step that cost nothing so far, and for one that is to be computed.
    public func outcome(_ verdict: Verdict, of message: Message) -> Outcome? {
        switch verdict {
        case .compute: return nil
        case .cancelled:
            cancelled.increment()
            guard !message.attempts.isEmpty else { return nil }
            return .cancelled(message.step, message.route, attempts: message.attempts)
        case .expired: return .expired(message.step, message.route, attempts: message.attempts)
        case .unknownRoute: return .failed(message.step, message.route, unknownRoute, attempts: message.attempts)
        }
    }
}

/// A message that asks a model to answer the items of a step.
public protocol StepMessage: Sendable {
    /// The `ce_type` of its records.
    static var eventType: String { get }

    var step: Int { get }
    var route: Route { get }
    /// The earlier attempts of the step, which are not in the ledger yet.
    var attempts: [Attempt] { get }

    /// - Throws: `ContractError`
    init(decoding bytes: [UInt8]) throws
}

extension StepCommand: StepMessage {
    public static var eventType: String { EventType.step }

    public var attempts: [Attempt] { [] }
}

extension Escalation: StepMessage {
    public static var eventType: String { EventType.escalation }
}
