import Contracts
import Testing

@Suite struct InstanceTests {
    private func instance() throws -> Instance {
        Instance(
            id: try #require(Instance.ID("pod-7.eu_1:a")), service: "legal-services-worker", host: "here",
            processID: 42, version: "1", state: .draining, partitions: 3,
            startedAt: Timestamp(milliseconds: 1_790_000_000_123), beatAt: Timestamp(milliseconds: 1_790_000_005_000),
            processorTime: 1234, beatInterval: 5000)
    }

    @Test func `an instance survives its message`() throws {
        let instance = try instance()
        #expect(try Instance(decoding: instance.encode()) == instance)
    }

    @Test(arguments: [
        (#""draining""#, #""asleep""#), (#""here""#, "7"), (#"42"#, #""42""#), (#""pod-7.eu_1:a""#, #""a b""#),
        (#""2026-09-21T14:13:25.000Z""#, #""soon""#), ("{", "["),
        (#""cpuMs":1234"#, #""cpuMs":-1"#), (#""cpuMs":1234"#, #""cpuMs":9000000000000000000"#),
    ])
    func `a message that says something else is refused`(old: String, new: String) throws {
        let text = String(decoding: try instance().encode(), as: UTF8.self)
        let wrong = text.replacing(old, with: new)
        #expect(wrong != text)
        #expect(throws: ContractError.self) { try Instance(decoding: Array(wrong.utf8)) }
    }

    @Test(arguments: [
        (#""pid":42"#, #""pid":9223372036854775807"#), (#""pid":42"#, #""pid":0"#),
        (#""partitions":3"#, #""partitions":-1"#), (#""partitions":3"#, #""partitions":100001"#),
        (#""beatIntervalMs":5000"#, #""beatIntervalMs":0"#),
        (#""beatIntervalMs":5000"#, #""beatIntervalMs":9223372036854775807"#),
        (#""version":"1""#, #""version":"1\u0000""#), (#""startedAt":"2026"#, #""startedAt":"1026"#),
    ])
    func `numbers that no process has are refused`(old: String, new: String) throws {
        let text = String(decoding: try instance().encode(), as: UTF8.self)
        let wrong = text.replacing(old, with: new)
        #expect(wrong != text)
        #expect(throws: ContractError.self) { try Instance(decoding: Array(wrong.utf8)) }
    }

    @Test func `a name is at most 256 bytes`() throws {
        var instance = try instance()
        instance.host = String(repeating: "a", count: 256)
        #expect(try Instance(decoding: instance.encode()) == instance)
        instance.host += "a"
        #expect(throws: ContractError.self) { try Instance(decoding: instance.encode()) }
    }

    @Test(arguments: ["", "a b", "a/b", "ä", "a\u{0}", String(repeating: "a", count: 129)])
    func `text with characters that are hard to type is not an id`(text: String) {
        #expect(Instance.ID(text) == nil)
    }

    @Test func `a new id is 16 digits, also where its number is small`() {
        struct Small: RandomNumberGenerator { mutating func next() -> UInt64 { 10 } }
        var generator = Small()
        #expect(Instance.ID(using: &generator).description == "000000000000000a")
    }

    @Test(arguments: [Control.Action.drain, .resume])
    func `a control survives its message`(action: Control.Action) throws {
        let control = Control(instance: try instance().id, action: action)
        #expect(try Control(decoding: control.encode()) == control)
    }

    @Test(arguments: [#"{"instance":"a","action":"stop"}"#, #"{"action":"drain"}"#, #"{"instance":"a"}"#, "drain"])
    func `a control that nobody understands is refused`(text: String) {
        #expect(throws: ContractError.self) { try Control(decoding: Array(text.utf8)) }
    }
}
