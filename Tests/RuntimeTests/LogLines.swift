import JSON
import Synchronization

/// The output of a logger, parsed.
final class LogLines: Sendable {
    private let lines = Mutex<[[UInt8]]>([])

    @Sendable func append(_ line: [UInt8]) { lines.withLock { $0.append(line) } }

    var text: String { String(decoding: lines.withLock { $0.joined() }, as: UTF8.self) }

    /// Every line must be JSON. Any other line becomes an empty object.
    var all: [[String: String]] { lines.withLock { $0.map(Self.members) } }

    var port: Int? { all.lazy.compactMap { $0["server.port"] }.first.flatMap { Int($0) } }

    static func members(_ line: some Sequence<UInt8>) -> [String: String] {
        let members = try? JSONDocument.read(line) { root in
            var members: [String: String] = [:]
            root.forEachMember { members[$0] = $1.string }
            return members
        }
        return members ?? [:]
    }
}
