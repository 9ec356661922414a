import Glibc

/// Reads settings from the environment once, at start, and records them so that they can be logged.
/// - Source: The Twelve-Factor App, III. Config
public struct SettingsReader: Sendable {
    /// A setting as it is logged at start, without a secret's value.
    public struct Entry: Equatable, Sendable {
        public let key: String
        public let shown: String
        public let isDefault: Bool
    }

    private let environment: [String: String]
    public private(set) var entries: [Entry] = []

    public init(environment: [String: String] = SettingsReader.ofProcess) {
        self.environment = environment
    }

    /// The environment variables of the process.
    public static var ofProcess: [String: String] {
        var found: [String: String] = [:], next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return found
    }

    public mutating func string(_ key: String, default fallback: String) -> String {
        let value = given(key)
        note(key, value ?? fallback, isDefault: value == nil)
        return value ?? fallback
    }

    public mutating func optional(_ key: String) -> String? {
        let value = given(key)
        note(key, value ?? "", isDefault: value == nil)
        return value
    }

    public mutating func required(_ key: String) throws(SettingsError) -> String {
        guard let value = given(key) else { throw SettingsError(key, "is required and not set") }
        note(key, value, isDefault: false)
        return value
    }

    public mutating func integer(
        _ key: String, default fallback: Int, in range: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        try bounded(key, "a whole number", default: fallback, in: range)
    }

    public mutating func number(
        _ key: String, default fallback: Double, in range: ClosedRange<Double>
    ) throws(SettingsError) -> Double {
        try bounded(key, "a number", default: fallback, in: range)
    }

    private mutating func bounded<Value: Comparable & LosslessStringConvertible>(
        _ key: String, _ kind: String, default fallback: Value, in range: ClosedRange<Value>
    ) throws(SettingsError) -> Value {
        guard let text = given(key) else {
            note(key, "\(fallback)", isDefault: true)
            return fallback
        }
        guard let value = Value(text), range.contains(value) else {
            throw SettingsError(key, "must be \(kind) from \(range.lowerBound) to \(range.upperBound)")
        }
        note(key, text, isDefault: false)
        return value
    }

    /// Reads a value that is never shown: from the variable itself, or from the file that `KEY_FILE` names.
    public mutating func secret(_ key: String) throws(SettingsError) -> String? {
        if let value = given(key) {
            note(key, "***", isDefault: false)
            return value
        }
        guard let path = given(key + "_FILE") else {
            note(key, "", isDefault: true)
            return nil
        }
        guard let text = SmallFile.text(path) else {
            throw SettingsError(key + "_FILE", "names a file that cannot be read as UTF-8")
        }
        note(key + "_FILE", path, isDefault: false)
        return text.trimmingSuffix(while: \.isNewline)
    }

    /// Returns every variable whose name begins with `prefix`, without the prefix. All values are treated as secrets.
    public mutating func group(_ prefix: String) -> [String: String] {
        var found: [String: String] = [:]
        for (key, value) in environment.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) && !value.isEmpty {
            found[String(key.dropFirst(prefix.count))] = value
            note(key, "***", isDefault: false)
        }
        return found
    }

    /// An empty variable counts as unset, because compose files write unset variables this way.
    private func given(_ key: String) -> String? {
        guard let value = environment[key], !value.isEmpty else { return nil }
        return value
    }

    private mutating func note(_ key: String, _ shown: String, isDefault: Bool) {
        entries.append(Entry(key: key, shown: shown, isDefault: isDefault))
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, predicate(last) { text.removeLast() }
        return String(text)
    }
}
