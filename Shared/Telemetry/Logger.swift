import Contracts
import Glibc
import JSON

/// Writes one JSON object per line to standard error. Metadata is for ids, codes and counts, never for payload.
public struct Logger: Sendable {
    public enum Level: Int, Sendable, Comparable, CaseIterable {
        case debug, info, notice, warning, error

        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        public init?(name: String) {
            guard let level = Level.allCases.first(where: { "\($0)" == name.lowercased() }) else { return nil }
            self = level
        }
    }

    public typealias Metadata = [String: String]

    public let service: String
    public let level: Level
    private let sink: @Sendable ([UInt8]) -> Void

    public init(
        service: String, level: Level = .info, sink: @escaping @Sendable ([UInt8]) -> Void = Logger.standardError
    ) {
        self.service = service
        self.level = level
        self.sink = sink
    }

    public func debug(_ message: StaticString, metadata: Metadata = [:]) { log(.debug, message, metadata) }
    public func info(_ message: StaticString, metadata: Metadata = [:]) { log(.info, message, metadata) }
    public func notice(_ message: StaticString, metadata: Metadata = [:]) { log(.notice, message, metadata) }
    public func warning(_ message: StaticString, metadata: Metadata = [:]) { log(.warning, message, metadata) }
    public func error(_ message: StaticString, metadata: Metadata = [:]) { log(.error, message, metadata) }

    /// The message is a `StaticString`, so that it cannot contain a value. Values belong in the metadata.
    private func log(_ level: Level, _ message: StaticString, _ metadata: Metadata) {
        guard level >= self.level else { return }
        var writer = JSONWriter()
        writer.object { line in
            line.member("time", Timestamp.now.rfc3339)
            line.member("level", "\(level)")
            line.member(LogKeys.serviceName, service)
            line.member("message", message.description)
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line.member(key, value) }
        }
        sink(writer.bytes + [UInt8(ascii: "\n")])
    }

    /// Writes each line with one `write(2)`, so that lines of several threads do not mix.
    ///
    /// A non-blocking pipe may accept only a part of a line. The rest is written when the pipe has room, and dropped
    /// after a second: a log without a reader must not stop the service.
    public static let standardError: @Sendable ([UInt8]) -> Void = { line in
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                guard poll(&entry, 1, 1_000) > 0 else { return }
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// The names of log fields, metric labels and span attributes.
/// - Source: OpenTelemetry semantic conventions for messaging and generative AI
public enum LogKeys {
    public static let serviceName = "service.name"
    public static let errorType = "error.type"
    public static let errorMessage = "error.message"

    public static let destination = "messaging.destination.name"
    public static let partition = "messaging.destination.partition.id"
    public static let offset = "messaging.kafka.offset"
    public static let consumerGroup = "messaging.consumer.group.name"
    public static let messageID = "messaging.message.id"
    public static let conversationID = "messaging.message.conversation_id"
    public static let batchCount = "messaging.batch.message_count"

    public static let requestModel = "gen_ai.request.model"
    public static let responseModel = "gen_ai.response.model"
    public static let inputTokens = "gen_ai.usage.input_tokens"

    public static let requestID = "winnow.request.id"
    public static let stepID = "winnow.step.id"
    public static let route = "winnow.route"
    public static let certificateID = "winnow.certificate.id"
    public static let endpoint = "winnow.endpoint"
    public static let tenant = "winnow.tenant"
    public static let reason = "winnow.reason"
    public static let chore = "winnow.keeper.chore"
    public static let count = "winnow.count"
}
