import JSON
import Synchronization
import Telemetry
import Testing

@Suite struct LoggerTests {
    @Test func `a line is one JSON object and ends with a newline`() throws {
        let lines = Lines()
        Logger(service: "aggregator", sink: lines.append).notice("Step settled", metadata: [LogKeys.count: "3"])
        let line = try #require(lines.all.first)
        #expect(line.last == UInt8(ascii: "\n"))
        try JSONDocument.read(line) { root in
            #expect(root["level"]?.string == "notice")
            #expect(root["service.name"]?.string == "aggregator")
            #expect(root["message"]?.string == "Step settled")
            #expect(root["winnow.count"]?.string == "3")
            #expect(root["time"]?.string?.contains("T") == true)
        }
    }

    @Test(arguments: ["two\nlines", "a \"quote\" and \\", "\u{0}\u{1B}[31m", "größe 😀", "{\"level\":\"error\"}"])
    func `whatever metadata holds stays inside its field and on its line`(value: String) throws {
        let lines = Lines()
        Logger(service: value, sink: lines.append).error("Failed", metadata: [value: value])
        let line = try #require(lines.all.first)
        #expect(line.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        try JSONDocument.read(line) { root in
            #expect(root["level"]?.string == "error")
            var members: [String: String] = [:]
            root.forEachMember { members[$0] = $1.string }
            #expect(members[value] == value)
            #expect(members["service.name"] == value)
        }
    }

    @Test(arguments: Logger.Level.allCases)
    func `only lines of the level or above are written`(level: Logger.Level) {
        let lines = Lines()
        let logger = Logger(service: "s", level: level, sink: lines.append)
        logger.debug("1")
        logger.info("2")
        logger.notice("3")
        logger.warning("4")
        logger.error("5")
        #expect(lines.all.count == Logger.Level.allCases.count - level.rawValue)
    }

    @Test func `a level is found by its name in any case, and no other`() {
        #expect(Logger.Level(name: "WARNING") == .warning)
        #expect(Logger.Level(name: "verbose") == nil)
        #expect(Logger.Level(name: "") == nil)
    }
}

private final class Lines: Sendable {
    private let lines = Mutex<[[UInt8]]>([])

    var all: [[UInt8]] { lines.withLock { $0 } }

    @Sendable func append(_ line: [UInt8]) { lines.withLock { $0.append(line) } }
}
