import Contracts
import Testing

struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2030-01-31T12:34:56Z", 1_896_093_296_000),
            ("2030-01-31T12:34:56.789Z", 1_896_093_296_789), ("2030-01-31T12:34:56.7Z", 1_896_093_296_700),
            ("2030-01-31T14:34:56+02:00", 1_896_093_296_000), ("2030-01-31T14:34:56.001+02:00", 1_896_093_296_001),
            ("2030-01-31T07:04:56-05:30", 1_896_093_296_000), ("2028-02-29T00:00:00Z", 1_835_395_200_000),
            ("1969-12-31T23:59:59.999Z", -1), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
        ] as [(String, Int64)])
    func `an RFC 3339 time is read to the millisecond`(text: String, milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "now", "2030-01-31", "2030-01-31T12:34:56", "2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z",
        "2030-01-31T24:00:01Z", "2030-01-31T12:60:00Z", "2030-01-31T12:34:56Z and more", " 2030-01-31T12:34:56Z",
        "1900-02-29T00:00:00Z", "2030-04-31T00:00:00Z", "1896093296", "2030-01-31T12:34Z", "30-01-31T12:34:56Z",
    ])
    func `text that is not an RFC 3339 time is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `every millisecond comes back from its text`() {
        for milliseconds in [
            -62_135_596_800_000, -1, 0, 1, 999, 1_001, 253_402_300_799_999, 1_790_000_000_000, 4_102_444_799_999,
        ]
            + (1_790_000_000_000..<1_790_000_001_000)
        {
            let time = Timestamp(milliseconds: Int64(milliseconds))
            #expect(Timestamp(rfc3339: time.rfc3339) == time)
        }
    }

    @Test func `a time is written in UTC with milliseconds`() {
        #expect(Timestamp(milliseconds: 1_896_093_296_007).description == "2030-01-31T12:34:56.007Z")
    }

    @Test func `times follow each other`() {
        let time = Timestamp(milliseconds: 5)
        #expect(time < time.adding(milliseconds: 1))
        #expect(time.adding(milliseconds: -6).milliseconds == -1)
    }
}
