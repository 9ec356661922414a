import JSON

/// A process of the suite, as it tells of itself with each beat.
public struct Instance: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case running
        /// An operator wants its work done by others: it gives up its partitions, and lives on.
        case draining
        case stopped
    }

    public var id: ID
    public var service: String
    public var host: String
    public var processID: Int
    public var version: String
    public var state: State
    /// How many partitions it works on.
    public var partitions: Int
    public var startedAt: Timestamp
    public var beatAt: Timestamp
    /// Processor time since the process started, of all its threads. - Units: milliseconds.
    public var processorTime: Int
    /// When the next beat is due. - Units: milliseconds.
    public var beatInterval: Int

    public init(
        id: ID, service: String, host: String, processID: Int, version: String, state: State, partitions: Int,
        startedAt: Timestamp, beatAt: Timestamp, processorTime: Int = 0, beatInterval: Int
    ) {
        self.id = id
        self.service = service
        self.host = host
        self.processID = processID
        self.version = version
        self.state = state
        self.partitions = partitions
        self.startedAt = startedAt
        self.beatAt = beatAt
        self.processorTime = processorTime
        self.beatInterval = beatInterval
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.object { body in
            body.member("instance", id.description)
            body.member("service", service)
            body.member("host", host)
            body.member("pid", processID)
            body.member("version", version)
            body.member("state", state.rawValue)
            body.member("partitions", partitions)
            body.member("startedAt", startedAt.rfc3339)
            body.member("beatAt", beatAt.rfc3339)
            body.member("cpuMs", processorTime)
            body.member("beatIntervalMs", beatInterval)
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            guard let state = State(rawValue: try body.required("state")) else {
                throw ContractError(.wrongType, "state must be running, draining or stopped")
            }
            return Instance(
                id: try ID(json: body), service: try body.required("service"), host: try body.required("host"),
                processID: try body.requiredInteger("pid"), version: try body.required("version"), state: state,
                partitions: try body.requiredInteger("partitions"), startedAt: try time("startedAt", in: body),
                beatAt: try time("beatAt", in: body),
                processorTime: try body.integer("cpuMs", within: 0...Limits.microsPerCall) ?? 0,
                beatInterval: try body.requiredInteger("beatIntervalMs"))
        }
    }
}

private func time(_ name: StaticString, in body: JSONValue) throws -> Timestamp {
    guard let time = Timestamp(rfc3339: try body.required(name)) else {
        throw ContractError(.wrongType, "\(name) must be an RFC 3339 time")
    }
    return time
}
