import Contracts
import JSON
import MessageBus
import Testing

@testable import CLI

struct DeadLetterRecordTests {
    private static let noon = Timestamp(milliseconds: 1_790_000_000_000)
    private static let original = Record(
        topic: Topic.requests(.interactive), partition: 2, offset: 9, timestamp: noon, key: [1],
        value: Array("secret\u{1B}".utf8),
        headers: [Header("ce_correlationid", text: "their-request"), Header("bytes", [0xFF])])

    private static func letter(_ record: OutgoingRecord) -> DeadLetterRecord {
        DeadLetterRecord(
            Record(
                topic: record.topic, partition: 0, offset: 42, timestamp: noon, key: record.key, value: record.value,
                headers: record.headers))
    }

    private let letter = letter(
        DeadLetter.record(
            from: original, consumerGroup: "winnow.decomposer", error: ContractError(.wrongType, "text"), attempt: 3))

    private func selection(_ words: [String]) throws -> DeadLetterSelection {
        var arguments = Arguments(words, flags: [])
        return try DeadLetterSelection(&arguments)
    }

    @Test func `a dead letter says where it came from and why`() {
        #expect("\(letter.id)" == "0-42")
        #expect(letter.originalTopic == Topic.requests(.interactive))
        #expect(letter.reason == "ContractError.wrong_type")
        #expect(letter.attempt == "3")
        #expect(letter.requestID == "their-request")
        #expect(letter.replay?.value == Self.original.value)
    }

    @Test(arguments: ["", "0", "0-", "-1", "0--1", "0-1-2", "00-1", "a-b", "0-+1", "0-99999999999999999999"])
    func `text that is not a topic, partition and offset is not an id of a dead letter`(text: String) {
        #expect(DeadLetterRecord.ID(text) == nil)
    }

    @Test(arguments: [
        [], ["0-42"], ["0-1", "0-42"], ["--reason", "ContractError.wrong_type"], ["--since", noon.rfc3339],
        ["--until", noon.adding(milliseconds: 1).rfc3339],
    ])
    func `dead letters are selected by id, reason and time`(words: [String]) throws {
        #expect(try selection(words).contains(letter))
    }

    @Test(arguments: [
        ["0-41"], ["1-42"], ["--reason", "ContractError"], ["--since", noon.adding(milliseconds: 1).rfc3339],
        ["--until", noon.rfc3339], ["0-42", "--reason", "StoreError.conflict"],
    ])
    func `other dead letters are not selected`(words: [String]) throws {
        #expect(try !selection(words).contains(letter))
    }

    @Test func `a reference, and a letter of a topic that nobody works on, are not replayed`() {
        let fault = ContractError(.wrongType, "text")
        let reference = DeadLetter.reference(to: Self.original, consumerGroup: "g", error: fault, attempt: 1)
        #expect(Self.letter(reference).replay == nil)
        var elsewhere = Self.original
        elsewhere.topic = "elsewhere"
        let letter = DeadLetter.record(from: elsewhere, consumerGroup: "g", error: fault, attempt: 1)
        #expect(Self.letter(letter).replay == nil)
    }

    @Test func `dead letters are counted by reason and topic, the most frequent first`() {
        var count = DeadLetterCount()
        #expect(count.text == "none in the last day")
        var other = Self.original
        other.topic = "winnow.outcomes.v1"
        let fault = ContractError(.notJSON, "no JSON")
        count.add(
            Self.letter(DeadLetter.record(from: other, consumerGroup: "winnow.aggregator", error: fault, attempt: 1)))
        for _ in 0..<2 { count.add(letter) }
        #expect(
            count.text
                == "3 in the last day: 2 ContractError.wrong_type from winnow.requests.v1, "
                + "1 ContractError.not_json from winnow.outcomes.v1")
    }

    @Test func `the payload is shown only on request, with control characters escaped`() throws {
        let short = DeadLetterReport(letter: letter, withPayload: false)
        #expect(!short.text.contains("secret") && !short.json.contains("secret"))
        #expect(short.text.contains("7 bytes"))
        #expect(short.text.contains("1 bytes that are not UTF-8"))
        let full = DeadLetterReport(letter: letter, withPayload: true)
        #expect(full.text.contains("secret\\u"))
        let payload = try JSONDocument.read(Array(full.json.utf8)) { $0["payload"]?.string }
        #expect(payload == "secret\u{1B}")
    }
}
