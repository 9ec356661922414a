import Contracts
import MessageBus

/// Which dead letters are meant.
struct LetterSelection: Sendable {
    let ids: Set<Letter.ID>
    let reason: String?
    let since: Timestamp?
    let until: Timestamp?

    /// - Throws: `UsageError` for an id or a time that is none.
    init(_ arguments: inout Arguments) throws(UsageError) {
        reason = arguments.value("--reason")
        since = try arguments.time("--since")
        until = try arguments.time("--until")
        var ids: Set<Letter.ID> = []
        for word in arguments.rest() {
            guard let id = Letter.ID(word) else { throw UsageError("no id of a dead letter: \(word)") }
            ids.insert(id)
        }
        self.ids = ids
    }

    /// Every dead letter that was put away from then on.
    init(since: Timestamp) {
        (ids, reason, until) = ([], nil, nil)
        self.since = since
    }

    /// Whether nothing was said, so that every dead letter is meant.
    var isEverything: Bool { ids.isEmpty && reason == nil && since == nil && until == nil }

    func contains(_ letter: Letter) -> Bool {
        let time = letter.record.timestamp
        return (ids.isEmpty || ids.contains(letter.id)) && (reason.map { $0 == letter.reason } ?? true)
            && (since.map { time >= $0 } ?? true) && (until.map { time < $0 } ?? true)
    }
}
