import JSON

/// A process of the suite, as it describes itself in each heartbeat.
public struct Instance: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case running
        /// An operator has drained the process: it gives up its partitions to other processes and keeps running.
        case draining
        case stopped
    }

    public var id: ID
    public var service: String
    public var host: String
    public var processID: Int
    public var version: String
    public var state: State
    /// The number of partitions assigned to the process.
    public var partitions: Int
    public var startedAt: Timestamp
    public var beatAt: Timestamp
    /// The processor time of all threads since the process started. - Units: milliseconds.
    public var processorTime: Int
    /// The time until the next heartbeat is due. - Units: milliseconds.
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

    /// The values that a heartbeat may hold. A heartbeat with other values is rejected, and its process is not listed.
    private enum Bounds {
        static let processID = 1...Int(Int32.max)
        static let partitions = 0...100_000
        /// - Units: milliseconds; `WINNOW_HEARTBEAT_SECONDS` allows up to an hour.
        static let beatInterval = 1...3_600_000
        /// - Units: bytes.
        static let text = 0...256
        /// From 2000 to 9999. The database and RFC 3339 both support these years.
        static let time = Timestamp(milliseconds: 946_684_800_000)...Timestamp(milliseconds: 253_402_300_799_999)
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
            func number(_ name: StaticString, _ bounds: ClosedRange<Int>) throws -> Int {
                let number = try body.requiredInteger(name)
                guard bounds.contains(number) else {
                    throw ContractError(
                        .wrongType, "\(name) must be from \(bounds.lowerBound) to \(bounds.upperBound)")
                }
                return number
            }
            func text(_ name: StaticString) throws -> String {
                let text = try body.required(name)
                // Postgres cannot store NUL in text.
                guard Bounds.text.contains(text.utf8.count), !text.utf8.contains(0) else {
                    throw ContractError(
                        .tooLarge, "\(name) must have at most \(Bounds.text.upperBound) bytes and no NUL")
                }
                return text
            }
            return Instance(
                id: try ID(json: body), service: try text("service"), host: try text("host"),
                processID: try number("pid", Bounds.processID), version: try text("version"), state: state,
                partitions: try number("partitions", Bounds.partitions),
                startedAt: try Self.time("startedAt", in: body), beatAt: try Self.time("beatAt", in: body),
                processorTime: try body.integer("cpuMs", within: 0...Limits.microsPerCall) ?? 0,
                beatInterval: try number("beatIntervalMs", Bounds.beatInterval))
        }
    }

    private static func time(_ name: StaticString, in body: JSONValue) throws -> Timestamp {
        guard let time = Timestamp(rfc3339: try body.required(name)), Bounds.time.contains(time) else {
            throw ContractError(.wrongType, "\(name) must be an RFC 3339 time from the year 2000 or later")
        }
        return time
    }
}

extension Instance {
    /// Identifies one process of the suite. Unless `WINNOW_INSTANCE_ID` sets it, it is random, so that two processes in
    /// the list of instances (which holds a day) practically never share it.
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let description: String

        /// - Returns: `nil` unless `text` is 1 to 128 ASCII letters, digits, `.`, `-`, `_` or `:`.
        public init?(_ text: String) {
            let isGood = text.utf8.allSatisfy { byte in
                let scalar = UnicodeScalar(byte)
                return scalar.properties.isAlphabetic && scalar.isASCII || ("0"..."9").contains(scalar)
                    || ".-_:".unicodeScalars.contains(scalar)
            }
            guard (1...128).contains(text.utf8.count), isGood else { return nil }
            description = text
        }

        /// Creates a random id of 16 hexadecimal digits, short enough to type.
        public init(using generator: inout some RandomNumberGenerator) {
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            description = String(repeating: "0", count: 16 - digits.count) + digits
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }

        init(json body: JSONValue) throws {
            guard let id = ID(try body.required("instance")) else {
                throw ContractError(.wrongType, "instance is not an instance id")
            }
            self = id
        }
    }
}

/// An operator's command to one instance.
public struct Control: Sendable, Equatable {
    public enum Action: String, Sendable {
        /// Gives up all partitions to other instances and keeps running.
        case drain
        /// Takes partitions again.
        case resume
    }

    public var instance: Instance.ID
    public var action: Action

    public init(instance: Instance.ID, action: Action) {
        self.instance = instance
        self.action = action
    }

    public func encode() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("instance", instance.description)
            body.member("action", action.rawValue)
        }
        return writer.bytes
    }

    /// - Throws: `ContractError`
    public init(decoding bytes: [UInt8]) throws {
        self = try Contract.read(bytes) { body in
            guard let action = Action(rawValue: try body.required("action")) else {
                throw ContractError(.wrongType, "action must be drain or resume")
            }
            return Control(instance: try Instance.ID(json: body), action: action)
        }
    }
}
