import CLibPQ
import Settings

/// Where the database is: libpq's own variables, or one `DATABASE_URL` that they add to.
public struct PostgresSettings: Sendable, CustomStringConvertible, CustomReflectable {
    /// libpq's connection parameters; a later one overrides an earlier one. Contains the password.
    let parameters: [(keyword: String, value: String)]
    /// Passwords, which no message may contain.
    private let secrets: [String]
    public let description: String

    /// - Default: every variable is optional; what is not set is libpq's default. `PGCONNECT_TIMEOUT` 5 s.
    /// - Throws: `SettingsError` when a secret's file cannot be read.
    public init(from reader: inout SettingsReader) throws(SettingsError) {
        // A dead peer must be noticed within the 30 s that a partition may be held up.
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
            // Names of databases and hosts are logged; a URI with a password must not be.
            guard !value.contains("://") else {
                throw SettingsError(variable, "must not be a URI: a connection string goes into DATABASE_URL")
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

    /// `message` with `***` in place of every password.
    func redacted(_ message: String) -> String {
        // The longest first: a password may be a part of another one.
        secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
            .reduce(message) { $0.replacing($1, with: "***") }
    }

    /// The same server, another database.
    public func database(_ name: String) -> PostgresSettings { adding("dbname", name) }

    /// Server settings for every session; those that are there already, from `PGOPTIONS`, overrule them.
    func options(_ settings: [(name: String, value: String)]) -> PostgresSettings {
        let given = parameters.filter { $0.keyword == "options" }.map(\.value)
        return adding("options", (settings.map { "-c \($0.name)=\($0.value)" } + given).joined(separator: " "))
    }

    /// For a session that holds a lock while its process lives: either side notices within seconds that the other is gone.
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
