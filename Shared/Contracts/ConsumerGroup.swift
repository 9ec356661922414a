/// Names of consumer groups.
public enum ConsumerGroup {
    public static func name(of service: String) -> String { "winnow.\(service)" }

    /// The group that works on a topic's records and must see each of them.
    /// - Returns: `nil` where there is none: integrators read results, every instance reads what it follows, and heartbeats
    ///   and shadows are samples, of which some may be missing.
    public static func reading(_ topic: String) -> String? {
        if let group = readers[topic] { return group }
        guard Topic.isOwn(topic), Topic.isOpenToIntegrators(topic) else { return nil }
        return name(of: Lane(topic: topic).loop(of: "decomposer"))
    }

    private static let readers: [String: String] = {
        var readers = [Topic.retries: name(of: "retries")]
        for lane in Lane.allCases {
            for topic in [Topic.requests(lane), Topic.retriedRequests(lane)] {
                readers[topic] = name(of: lane.loop(of: "decomposer"))
            }
            readers[Topic.escalations(lane)] = name(of: lane.loop(of: "escalator"))
            readers[Topic.outcomes(lane)] = name(of: lane.loop(of: "aggregator"))
            for capability in Capability.requestable {
                readers[Topic.steps(capability, lane)] = name(of: lane.loop(of: "\(capability)-worker"))
            }
        }
        return readers
    }()
}

extension Lane {
    /// The name of a service's loop in this lane: its consumer group is that behind `winnow.`.
    public func loop(of service: String) -> String { self == .bulk ? "\(service).bulk" : service }
}
