import Settings
import Telemetry

/// The settings that every service has.
public struct RuntimeSettings: Sendable {
    /// - Default: the executable's name. Key: `OTEL_SERVICE_NAME`.
    public let serviceName: String
    /// - Default: info. Key: `WINNOW_LOG_LEVEL`: debug, info, notice, warning, error.
    public let logLevel: Logger.Level
    /// - Default: 30 s. Key: `WINNOW_SHUTDOWN_TIMEOUT_SECONDS`.
    public let shutdownTimeout: Duration
    public let http: HTTPSettings

    public init(_ reader: inout SettingsReader, name: String) throws(SettingsError) {
        serviceName = reader.string("OTEL_SERVICE_NAME", default: name)
        guard let level = Logger.Level(name: reader.string("WINNOW_LOG_LEVEL", default: "info")) else {
            throw SettingsError("WINNOW_LOG_LEVEL", "must be one of debug, info, notice, warning, error")
        }
        logLevel = level
        shutdownTimeout = .seconds(try reader.integer("WINNOW_SHUTDOWN_TIMEOUT_SECONDS", default: 30, in: 1...3600))
        http = try HTTPSettings(&reader)
    }
}

/// Where health and metrics are served.
public struct HTTPSettings: Sendable {
    /// - Default: 127.0.0.1, this machine only. Key: `WINNOW_HTTP_HOST`.
    public let host: String
    /// - Default: 0, any free port. Key: `WINNOW_HTTP_PORT`.
    public let port: Int
    /// Where the real port is written once the service listens.
    /// - Default: nowhere. Key: `WINNOW_HTTP_PORT_FILE`.
    public let portFile: String?

    public init(_ reader: inout SettingsReader) throws(SettingsError) {
        host = reader.string("WINNOW_HTTP_HOST", default: "127.0.0.1")
        port = try reader.integer("WINNOW_HTTP_PORT", default: 0, in: 0...65535)
        portFile = reader.optional("WINNOW_HTTP_PORT_FILE")
    }
}

extension SettingsReader {
    /// Everything that was read, as it may be logged.
    var shown: Logger.Metadata {
        Dictionary(entries.map { ($0.key, $0.shown) }, uniquingKeysWith: { _, last in last })
    }
}
