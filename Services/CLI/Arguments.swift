import Contracts

/// The words after the verb: options, flags and operands.
struct Arguments {
    private var values: [String: String] = [:]
    private var set: Set<String> = []
    private var operands: [String] = []
    private var fault: UsageError?

    init(_ words: [String], flags: Set<String>) {
        var words = words[...]
        while let word = words.popFirst() {
            guard word != "--" else {
                // All words after `--` are operands, for example an id that begins with a hyphen.
                operands += words
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                operands.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if flags.contains(name) {
                set.insert(name)
                if parts.count == 2 { fault = UsageError("\(name) takes no value") }
            } else if values[name] != nil {
                fault = UsageError("\(name) is given more than once")
            } else if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let value = words.first, !value.hasPrefix("--") {
                values[name] = value
                words.removeFirst()
            } else {
                fault = UsageError("\(name) needs a value")
            }
        }
    }

    mutating func flag(_ name: String) -> Bool { set.remove(name) != nil }

    mutating func value(_ name: String) -> String? { values.removeValue(forKey: name) }

    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(UsageError) -> Int {
        guard let text = value(name) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// - Throws: `UsageError` unless the value lies between 0 and 1.
    mutating func share(_ name: String, default fallback: Double) throws(UsageError) -> Double {
        guard let text = value(name) else { return fallback }
        guard let number = Double(text), number > 0, number < 1 else {
            throw UsageError("\(name) must be a number between 0 and 1")
        }
        return number
    }

    mutating func number(_ name: String, default fallback: Double, in range: ClosedRange<Double>) throws(UsageError)
        -> Double
    {
        guard let text = value(name) else { return fallback }
        guard let number = Double(text), range.contains(number) else {
            throw UsageError("\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Parses an amount of money in decimal notation, such as `0.15`.
    /// - Parameter decimals: the decimal digits from the unit to pico-USD: 12 for USD, 6 for USD per million tokens.
    /// - Throws: `UsageError` if the amount is not a whole number of pico-USD.
    mutating func money(_ name: String, decimals: Int, atMost limit: Int64 = .max) throws(UsageError) -> PicoDollars? {
        guard let text = value(name) else { return nil }
        guard let money = PicoDollars(decimal: text, decimals: decimals), money.amount <= limit else {
            throw UsageError("\(name) must be an amount of USD such as 0.15, with at most \(decimals) decimals")
        }
        return money
    }

    /// - Throws: `UsageError` unless the value is one of the cases.
    mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) throws(UsageError) -> Choice?
    {
        guard let text = value(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw UsageError("\(name) must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    mutating func operand(_ what: String) throws(UsageError) -> String {
        guard !operands.isEmpty else { throw UsageError("\(what) is missing") }
        return operands.removeFirst()
    }

    mutating func tenant() throws(UsageError) -> TenantID {
        try Self.tenant(try operand("TENANT"), "TENANT")
    }

    /// - Throws: `UsageError`, with `name` in its message, if the text cannot be a tenant's id.
    static func tenant(_ text: String, _ name: String) throws(UsageError) -> TenantID {
        guard (1...Limits.identifierBytes).contains(text.utf8.count) else {
            throw UsageError("\(name) must have 1 to \(Limits.identifierBytes) bytes")
        }
        return TenantID(rawValue: text)
    }

    /// Returns all remaining operands.
    mutating func rest() -> [String] {
        defer { operands = [] }
        return operands
    }

    /// - Throws: `UsageError` unless the value is an RFC 3339 time.
    mutating func time(_ name: String) throws(UsageError) -> Timestamp? {
        guard let text = value(name) else { return nil }
        guard let time = Timestamp(rfc3339: text) else { throw UsageError("\(name) must be an RFC 3339 time") }
        return time
    }

    /// - Throws: `UsageError` for every option or word that the verb has not read.
    func finish() throws(UsageError) {
        if let fault { throw fault }
        if let name = values.keys.sorted().first ?? set.sorted().first { throw UsageError("no such option: \(name)") }
        if let word = operands.first { throw UsageError("unexpected word: \(word)") }
    }
}

/// The command line is invalid.
struct UsageError: Error, Equatable {
    let message: String

    init(_ message: String) { self.message = message }
}
