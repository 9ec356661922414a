/// A setting is missing or invalid. The error names the key, and never a secret's value.
public struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    public let key: String
    public let message: String

    public init(_ key: String, _ message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { "setting \(key): \(message)" }
}
