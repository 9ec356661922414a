import CLibPQ
import Settings

/// The parts of a libpq connection string: a URI, or `keyword=value` pairs.
///
/// libpq quotes what it cannot parse in its error message. A password with a `/` that is not percent-encoded ends up in
/// the host, the port or the database name, and every later message quotes those. So the string is parsed once, here;
/// what libpq says about it is dropped, and a string that can be read in two ways is refused.
struct ConnectionString {
    let parameters: [(keyword: String, value: String)]
    /// Values that no message may contain.
    let secrets: [String]

    /// - Throws: `SettingsError` with the name of the variable and no part of the string.
    init(_ text: String, from variable: String) throws(SettingsError) {
        var message: UnsafeMutablePointer<CChar>?
        let parsed = PQconninfoParse(text, &message)
        defer {
            PQconninfoFree(parsed)
            PQfreemem(message)
        }
        guard let parsed, !Self.hasMisplacedCredentials(text) else {
            throw SettingsError(
                variable,
                "is not a connection string that libpq can read. In a URI, percent-encode special characters of the"
                    + " user and the password: %25 for %, %2F for /, %40 for @, %3A for :")
        }
        var parameters: [(keyword: String, value: String)] = []
        var secrets: [String] = []
        var option = parsed
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val.map({ String(cString: $0) }) {
                parameters.append((String(cString: keyword), value))
                // libpq marks the fields that a dialog must hide.
                if option.pointee.dispchar.map({ String(cString: $0) }) == "*" { secrets.append(value) }
            }
            option += 1
        }
        self.parameters = parameters
        self.secrets = secrets
    }

    /// Whether an `@` follows the one that ends the credentials, before any query.
    ///
    /// libpq looks for credentials before the first `/` only, and ends them at the first `@`.
    private static func hasMisplacedCredentials(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://"), ["postgres", "postgresql"].contains(text[..<scheme.lowerBound])
        else { return false }
        var rest = text[scheme.upperBound...]
        if let end = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[end] == "@" {
            rest = rest[rest.index(after: end)...]
        }
        return rest.prefix { $0 != "?" }.contains("@")
    }
}
