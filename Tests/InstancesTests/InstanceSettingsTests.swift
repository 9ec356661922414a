import Contracts
import Instances
import Settings
import Testing

@Suite struct InstanceSettingsTests {
    @Test func `a process has an id of its own, and beats every five seconds`() throws {
        var reader = SettingsReader(environment: [:])
        let first = try InstanceSettings(&reader)
        let second = try InstanceSettings(&reader)
        #expect(first.id != second.id)
        #expect(first.interval == .seconds(5))
        #expect(reader.entries.contains { $0.key == "WINNOW_INSTANCE_ID" && $0.shown == first.id.description })
    }

    @Test func `both can be set`() throws {
        var reader = SettingsReader(environment: ["WINNOW_INSTANCE_ID": "pod-3", "WINNOW_HEARTBEAT_SECONDS": "30"])
        let settings = try InstanceSettings(&reader)
        #expect(settings.id.description == "pod-3")
        #expect(settings.interval == .seconds(30))
    }

    @Test(arguments: [("WINNOW_INSTANCE_ID", "a b"), ("WINNOW_HEARTBEAT_SECONDS", "0")])
    func `an invalid setting is refused by its name`(key: String, value: String) {
        var reader = SettingsReader(environment: [key: value])
        let error = #expect(throws: SettingsError.self) { try InstanceSettings(&reader) }
        #expect(error?.key == key)
    }
}
