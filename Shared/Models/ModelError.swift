import Contracts

/// A model did not answer. The message never contains an input, an answer, a prompt or a key.
public struct ModelError: RetriableError, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The question itself is wrong, such as one without labels.
        case invalidQuestion = "invalid_question"
        case deadlineExceeded = "deadline_exceeded"
        /// The circuit breaker is open. The message says until when.
        case circuitOpen = "circuit_open"
        /// A limit of our own, or status 429.
        case rateLimited = "rate_limited"
        case keyUnreadable = "key_unreadable"
        /// The task of the caller was cancelled.
        case cancelled
        /// The caller's ledger did not allow a try.
        case notAllowed = "not_allowed"

        case unreachable
        case tls
        case timedOut = "timed_out"
        case connectionLost = "connection_lost"

        /// Status 400, 413, 422 and others that say that the request is wrong.
        case requestRejected = "request_rejected"
        /// Status 401 or 403.
        case unauthorized
        /// Status 404.
        case notFound = "not_found"
        /// Status 408, 409 or 5xx.
        case serverError = "server_error"
        case redirected

        case responseTooLarge = "response_too_large"
        case responseTooSlow = "response_too_slow"
        case wrongContentType = "wrong_content_type"
        case malformedResponse = "malformed_response"

        case missingChoice = "missing_choice"
        case duplicateChoices = "duplicate_choices"
        case toolCall = "tool_call"
        /// The model refuses, or a filter of the server removed the answer.
        case refused
        case outsideLabels = "outside_labels"
        case incompleteBatch = "incomplete_batch"
        /// An answer that is of no use without its end, such as a label.
        case truncated
        case notJSON = "not_json"
    }

    public var code: Code
    public var message: String
    public var isRetriable: Bool
    public var isDependencyUnavailable: Bool
    /// Other records may ask other models, or none.
    public var isDependencyShared: Bool { false }
    /// The HTTP status, if there was a response.
    public var status: Int?
    /// The time after which trying again may help, if it is known.
    public var retryAfter: Duration?
    /// The tries of the inputs that were not answered. They may have cost something.
    public var attempts: [ModelAttempt]
    /// What was answered before the failure, in the order of the inputs. It is paid for. Empty if the failure says
    /// nothing about single inputs.
    public var outputs: [ModelOutput?]

    public init(
        _ code: Code, _ message: String, isRetriable: Bool, isDependencyUnavailable: Bool = false, status: Int? = nil,
        retryAfter: Duration? = nil, attempts: [ModelAttempt] = [], outputs: [ModelOutput?] = []
    ) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.isDependencyUnavailable = isDependencyUnavailable
        self.status = status
        self.retryAfter = retryAfter
        self.attempts = attempts
        self.outputs = outputs
    }

    /// Leaves out `attempts` and `outputs`, since outputs are payload.
    public var description: String { "\(code.rawValue): \(message)" }
}

extension ModelError: CustomDebugStringConvertible, CustomReflectable {
    public var debugDescription: String { description }

    /// A mirror would show the answers in `outputs`.
    public var customMirror: Mirror {
        Mirror(self, children: ["code": code.rawValue, "message": message], displayStyle: .struct)
    }
}

extension ModelError.Code {
    /// Whether another server may answer the same question: this one gave no usable response at all.
    public var isAboutServer: Bool {
        switch self {
        case .circuitOpen, .rateLimited, .keyUnreadable, .unreachable, .tls, .timedOut, .connectionLost, .unauthorized,
            .notFound, .serverError, .redirected, .responseTooLarge, .responseTooSlow, .wrongContentType,
            .malformedResponse:
            true
        case .invalidQuestion, .deadlineExceeded, .cancelled, .notAllowed, .requestRejected, .missingChoice,
            .duplicateChoices,
            .toolCall, .refused, .outsideLabels, .incompleteBatch, .truncated, .notJSON:
            false
        }
    }
}
