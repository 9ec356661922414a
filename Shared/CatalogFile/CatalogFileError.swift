/// A catalog was refused. Never retriable: the files must change.
public struct CatalogFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case unreadable
        /// The file, or the number of entries of a list, exceeds a limit.
        case size
        /// The file is not JSON.
        case json
        case missing
        case wrongType = "wrong_type"
        /// An object has a member that the format does not know.
        case unknownMember = "unknown_member"
        /// A member, a capability, a task or a label occurs twice.
        case duplicate
        /// A text has a form that is not allowed, or is none of the known words.
        case value
        case reserved
        /// Two members contradict each other.
        case conflict
    }

    /// One thing that is wrong. It quotes names of the format and places in the file, and never the file's content.
    public struct Fault: Equatable, Sendable, CustomStringConvertible {
        public let code: Code
        public let file: String
        /// Where in the file, such as `tasks[0].models.full`; empty if the fault concerns the whole file.
        public let path: String
        public let message: String

        public init(_ code: Code, _ file: String, _ path: String, _ message: String) {
            self.code = code
            self.file = file
            self.path = path
            self.message = message
        }

        public var description: String { path.isEmpty ? "\(file): \(message)" : "\(file): \(path): \(message)" }
    }

    /// At least one, in the order of the files and of their content.
    public let faults: [Fault]

    public var isRetriable: Bool { false }

    public init(_ faults: [Fault]) { self.faults = faults }

    init(_ code: Code, _ file: String, _ message: String) { self.init([Fault(code, file, "", message)]) }

    /// One fault on a line.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
