/// The phrases at which a sentence may be cut.
struct SplitterPhrases: Sendable {
    private let phrases: Set<[UInt8]>
    /// First words of phrases, so that most tokens are passed over with one question.
    private let beginnings: Set<[UInt8]>
    private static let longest = 4

    init(_ phrases: [String]) {
        self.phrases = Set(phrases.map { Array($0.utf8) })
        beginnings = Set(self.phrases.map { Array($0.prefix { $0 != UInt8(ascii: " ") }) })
    }

    /// From left to right the longest phrase at each token; none that has no token before or behind it.
    func candidates(in tokens: [SplitterToken]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        while index < tokens.count {
            guard let candidate = longestPhrase(tokens, at: index) else {
                index += 1
                continue
            }
            if candidate.lowerBound > 0, candidate.upperBound < tokens.count { found.append(candidate) }
            index = candidate.upperBound
        }
        return found
    }

    private func longestPhrase(_ tokens: [SplitterToken], at index: Int) -> Range<Int>? {
        guard beginnings.contains(tokens[index].form) else { return nil }
        for count in stride(from: min(Self.longest, tokens.count - index), to: 0, by: -1) {
            let candidate = index..<(index + count)
            if phrases.contains(tokens.joinedForms(candidate)) { return candidate }
        }
        return nil
    }
}

extension [SplitterToken] {
    func joinedForms(_ range: Range<Int>) -> [UInt8] {
        var joined: [UInt8] = []
        for index in range {
            if index > range.lowerBound { joined.append(UInt8(ascii: " ")) }
            joined += self[index].form
        }
        return joined
    }
}
