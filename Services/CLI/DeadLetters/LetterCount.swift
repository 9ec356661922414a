import Contracts

/// How many dead letters of the last day nobody has replayed or discarded, by reason and topic.
struct LetterCount {
    private(set) var counts: [String: Int] = [:]
    /// Whether there are more than were counted.
    private(set) var isPartial = false

    private static let period: Int64 = 86_400_000
    /// More than anybody looks at one by one.
    private static let most = 10_000

    private struct Enough: Error {}

    init() {}

    /// - Throws: `SettingsError`, `MessageBusError`, `StoreError`
    init(_ session: Session) async throws {
        let since = Timestamp.now.adding(milliseconds: -Self.period)
        let letterbox = try await Letterbox(session, since: since)
        do {
            try await letterbox.read(LetterSelection(since: since), disposed: false) { letters in
                for letter in letters { add(letter) }
                if total >= Self.most { throw Enough() }
            }
        } catch is Enough {
            isPartial = true
        }
    }

    var total: Int { counts.values.reduce(0, +) }

    mutating func add(_ letter: Letter) {
        counts["\(letter.reason) from \(letter.originalTopic)", default: 0] += 1
    }

    /// The most frequent first.
    var text: String {
        guard !counts.isEmpty else { return "none in the last day" }
        let order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let named = order.prefix(3).map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return "\(isPartial ? "more than " : "")\(total) in the last day: \(named)\(order.count > 3 ? ", …" : "")"
    }
}
