/// What an integrator asks: free language to be decomposed, or steps that it names itself.
public struct Request: Sendable, Equatable {
    public enum Channel: String, Sendable {
        /// Free language: segmented and routed.
        case human
        /// Names capability, task and items itself; the language stage is skipped and costs nothing.
        case machine
    }

    /// The integrator's own id (`ce_id`), unique within the tenant.
    public var eventID: EventID
    public var tenant: TenantID
    public var channel: Channel
    public var text: String?
    public var attachments: [Attachment]
    public var steps: [RequestedStep]
    /// Past it nothing is computed any more.
    public var deadline: Timestamp?

    public init(
        eventID: EventID, tenant: TenantID = .default, channel: Channel, text: String? = nil,
        attachments: [Attachment] = [], steps: [RequestedStep] = [], deadline: Timestamp? = nil
    ) {
        self.eventID = eventID
        self.tenant = tenant
        self.channel = channel
        self.text = text
        self.attachments = attachments
        self.steps = steps
        self.deadline = deadline
    }
}

/// A text that comes with a request.
public struct Attachment: Sendable, Equatable {
    public var name: String
    public var mediaType: String
    public var text: String

    public init(name: String, mediaType: String, text: String) {
        self.name = name
        self.mediaType = mediaType
        self.text = text
    }
}

/// A step as a machine names it.
public struct RequestedStep: Sendable, Equatable {
    public var route: Route
    public var items: [String]
    /// Indices of the steps that must be answered before this one is dispatched.
    public var dependsOn: [Int]

    public init(route: Route, items: [String], dependsOn: [Int] = []) {
        self.route = route
        self.items = items
        self.dependsOn = dependsOn
    }
}
