import CLibPQ
import Settings

/// The connection to the database: libpq's own variables, or `DATABASE_URL` together with them.
public struct PostgresSettings: Sendable, CustomStringConvertible, CustomReflectable {
    /// libpq's connection parameters. A later one overrides an earlier one. Contains the password.
    let parameters: [(keyword: String, value: String)]
    /// Passwords. No message may contain them.
    private let secrets: [String]
    public let description: String

    /// - Default: every variable is optional and has libpq's default. `PGCONNECT_TIMEOUT` 5 s.
    /// - Throws: `SettingsError` if a secret's file cannot be read.
    public init(from reader: inout SettingsReader) throws(SettingsError) {
        // A dead peer must be detected within the 30 s for which a partition may be blocked.
        var parameters = [
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"), ("client_encoding", "UTF8"),
        ]
        var shown: [String] = []
        var secrets: [String] = []
        if let text = try reader.secret("DATABASE_URL") {
            let connection = try ConnectionString(text, from: "DATABASE_URL")
            parameters += connection.parameters.map { ($0.keyword, $0.value) }
            secrets = connection.secrets
            shown.append("DATABASE_URL")
        }
        for (variable, keyword) in Self.variables {
            guard let value = reader.optional(variable) else { continue }
            // Names of databases and hosts are logged. A URI with a password must not be used as a name.
            guard !value.contains("://") else {
                throw SettingsError(variable, "must not be a URI; a connection string goes into DATABASE_URL")
            }
            parameters.append((keyword, value))
            shown.append("\(keyword)=\(value)")
        }
        if let password = try reader.secret("PGPASSWORD") {
            parameters.append(("password", password))
            secrets.append(password)
        }
        let timeout = try reader.integer("PGCONNECT_TIMEOUT", default: 5, in: 1...60)
        parameters.append(("connect_timeout", "\(timeout)"))
        self.parameters = parameters.map { (keyword: $0.0, value: $0.1) }
        self.secrets = secrets
        description = "postgres(\(shown.joined(separator: " ")))"
    }

    private init(parameters: [(keyword: String, value: String)], secrets: [String], description: String) {
        self.parameters = parameters
        self.secrets = secrets
        self.description = description
    }

    /// Returns `message` with `***` in place of every password.
    func redacted(_ message: String) -> String {
        // The longest password comes first, since a password may be a part of another one.
        secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
            .reduce(message) { $0.replacing($1, with: "***") }
    }

    /// Settings for another database on the same server.
    public func database(_ name: String) -> PostgresSettings { adding("dbname", name) }

    /// Server settings for every session. Settings from `PGOPTIONS` take precedence.
    func options(_ settings: [(name: String, value: String)]) -> PostgresSettings {
        let given = parameters.filter { $0.keyword == "options" }.map(\.value)
        return adding("options", (settings.map { "-c \($0.name)=\($0.value)" } + given).joined(separator: " "))
    }

    /// Settings for a session that holds a lock while its process lives. Both sides detect within seconds that the
    /// other one is gone.
    func leading(idleTimeout: Duration) -> PostgresSettings {
        let milliseconds = "\(Int64(idleTimeout / .milliseconds(1)))"
        let server = options([
            (name: "idle_session_timeout", value: milliseconds), (name: "statement_timeout", value: milliseconds),
        ])
        return [("tcp_user_timeout", "4000"), ("keepalives_idle", "2"), ("keepalives_interval", "1")]
            .reduce(server) { $0.adding($1.0, $1.1) }
    }

    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }

    private func adding(_ keyword: String, _ value: String) -> PostgresSettings {
        PostgresSettings(
            parameters: parameters + [(keyword: keyword, value: value)], secrets: secrets, description: description)
    }

    private static let variables = [
        ("PGHOST", "host"), ("PGPORT", "port"), ("PGUSER", "user"), ("PGDATABASE", "dbname"),
        ("PGSSLMODE", "sslmode"), ("PGSSLROOTCERT", "sslrootcert"), ("PGAPPNAME", "application_name"),
        ("PGTARGETSESSIONATTRS", "target_session_attrs"), ("PGOPTIONS", "options"),
    ]
}

/// The parameters of a libpq connection string, which is a URI or `keyword=value` pairs.
///
/// libpq quotes what it cannot parse in its error message. A password with a `/` that is not percent-encoded becomes
/// part of the host, the port or the database name, and every later message quotes those. So the string is parsed once,
/// here. libpq's message about it is dropped, and an ambiguous string is rejected.
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
                // libpq marks the fields that a dialog must hide with `*`.
                if option.pointee.dispchar.map({ String(cString: $0) }) == "*" { secrets.append(value) }
            }
            option += 1
        }
        self.parameters = parameters
        self.secrets = secrets
    }

    /// Whether the URI has another `@` after the one that ends the credentials, before the query.
    ///
    /// libpq looks for credentials only before the first `/`, and ends them at the first `@`.
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
