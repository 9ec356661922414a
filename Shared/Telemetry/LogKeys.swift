/// Names of log fields, metrics' labels and span attributes.
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
    public static let tenant = "winnow.tenant"
    public static let reason = "winnow.reason"
    public static let chore = "winnow.keeper.chore"
    public static let count = "winnow.count"
}
