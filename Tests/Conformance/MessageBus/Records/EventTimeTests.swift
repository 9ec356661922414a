import Contracts
import MessageBus
import Testing

struct EventTimeTests {
    private func event(_ time: Timestamp?) -> CloudEvent {
        CloudEvent(id: "1", type: "t", source: "s", time: time)
    }

    private func read(_ time: String) throws -> Timestamp? {
        let headers = event(nil).headers + [Header("ce_time", text: time)]
        return try CloudEvent(
            Record(
                topic: "t", partition: 0, offset: 0, timestamp: .now, key: nil, value: nil, headers: headers)
        ).time
    }

    @Test func `every time is written and read back to the millisecond`() throws {
        // Steps of prime size cover all months, leap days, hours and milliseconds.
        for milliseconds in stride(from: Int64(-62_135_596_800_000), to: 253_402_300_799_999, by: 9_999_999_967_001) {
            for shift in Int64(0)..<20 {
                let time = Timestamp(milliseconds: milliseconds + shift * 86_400_000)
                let text = try #require(event(time).headers["ce_time"])
                #expect(try read(text) == time)
            }
        }
    }

    @Test(arguments: [
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123), ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29t12:00:00.5z", 1_709_208_000_500), ("2023-11-15T00:13:20.123999+02:00", 1_700_000_000_123),
        ("1969-12-31T23:59:59.999Z", -1), ("2023-11-14T16:43:20-05:30", 1_700_000_000_000),
    ])
    func `a time is understood`(text: String, milliseconds: Int64) throws {
        #expect(try read(text) == Timestamp(milliseconds: milliseconds))
    }

    @Test(arguments: [
        "", "2023-11-14", "2023-11-14T22:13:20", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z",
        "2023-11-14T24:00:00Z", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+0200",
        "²023-11-14T22:13:20Z",
    ])
    func `what is no time is refused`(text: String) {
        #expect(throws: ContractError.self) { try read(text) }
    }
}
