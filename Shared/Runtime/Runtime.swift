import CStandardStreams
import Glibc
import Lifecycle
import Settings
import Telemetry

/// Starts and stops the process of every service: settings, logs, health, metrics, signals and order.
public enum Runtime {
    /// Builds the services from the environment, runs them until SIGTERM or SIGINT, and ends the process.
    ///
    /// `build` returns the services in dependency order. A service that others depend on comes first and stops last.
    /// `/livez` and `/metrics` answer from the start. `/readyz` reports ready once `build` has returned and every check
    /// is good. The exit code is an `ExitCode`, or 128 + n if a second signal n ended the process at once. `--help` and
    /// `--version` are answered, and other arguments are refused, before anything is opened.
    /// - Parameter summary: one sentence for `--help` on what the service does.
    public static func run(
        _ name: String, _ summary: String = "A service of Winnow.",
        build: @Sendable (inout RuntimeContext) async throws -> [any Service]
    ) async -> Never {
        ServiceArguments.check(name, summary: summary, variables: variables)
        let shutdown = GracefulShutdown()
        let code = await serve(name, reader: SettingsReader(), shutdown: shutdown, build: build) { deadline in
            Signals.install {
                shutdown.trigger()
                deadline.arm()
            }
        }
        exit(code.rawValue)
    }

    private static let variables = [
        (name: "KAFKA_BOOTSTRAP_SERVERS", meaning: "brokers as host:port,host:port (required)"),
        (name: "KAFKA_CONF_<NAME>", meaning: "any other property of librdkafka"),
        (name: "WINNOW_HTTP_PORT", meaning: "port of /livez, /readyz and /metrics (default: any free port)"),
        (name: "WINNOW_LOG_LEVEL", meaning: "debug, info, notice, warning or error (default: info)"),
    ]

    /// Runs the services without the process-wide parts: the environment, the signals and the exit.
    static func serve(
        _ name: String, reader: SettingsReader, sink: @escaping @Sendable ([UInt8]) -> Void = Logger.standardError,
        shutdown: GracefulShutdown, build: @Sendable (inout RuntimeContext) async throws -> [any Service],
        started: (ShutdownDeadline) -> Void
    ) async -> ExitCode {
        var reader = reader
        do {
            let settings = try RuntimeSettings(&reader, name: name)
            let logger = Logger(service: settings.serviceName, level: settings.logLevel, sink: sink)
            do {
                let deadline = ShutdownDeadline(settings.shutdownTimeout, logger: logger)
                defer { deadline.met() }
                started(deadline)
                let context = RuntimeContext(settings: reader, logger: logger, shutdown: shutdown)
                try await serve(context, settings, deadline, build)
                logger.notice("Stopped")
                return .stopped
            } catch let error as SettingsError {
                return refuse(error, logger)
            } catch {
                logger.error("Service failed", metadata: [LogKeys.errorMessage: "\(error)"])
                return .failed
            }
        } catch {
            return refuse(error, Logger(service: name, sink: sink))
        }
    }

    private static func serve(
        _ context: RuntimeContext, _ settings: RuntimeSettings, _ deadline: ShutdownDeadline,
        _ build: @Sendable (inout RuntimeContext) async throws -> [any Service]
    ) async throws {
        var context = context
        let (health, logger, shutdown) = (context.health, context.logger, context.shutdown)
        let endpoints = Endpoints(health: health, metrics: context.metrics, service: settings.serviceName)
        let server = try HTTPServer(settings.http, answer: endpoints.answer)
        defer { server.stop() }
        try server.publishPort()
        let address = ["server.address": settings.http.host, "server.port": "\(server.port)"]
        logger.notice("Serving health and metrics", metadata: address)

        let starting = health.check("started", initially: false)
        let services: [any Service]
        do {
            services = try await GracefulShutdown.$current.withValue(shutdown) { try await build(&context) }
        } catch is CancellationError where shutdown.isTriggered {
            // What the service waits for at its start has not come.
            return
        }
        logger.notice("Settings", metadata: context.settings.shown)
        guard !shutdown.isTriggered else { return }
        starting.set(true)
        let draining = Draining(health: health, deadline: deadline, logger: logger)
        try await ServiceGroup(services: services + [draining], logger: logger).run(until: shutdown)
    }

    private static func refuse(_ error: SettingsError, _ logger: Logger) -> ExitCode {
        logger.error("Invalid setting", metadata: ["setting": error.key, LogKeys.errorMessage: error.message])
        return .misconfigured
    }
}

/// Makes the process not ready, and starts the shutdown's deadline, when the process begins to stop. It is the last
/// service of the group, because the last one is asked to stop first, whatever the reason is.
private struct Draining: Service {
    let health: Health
    let deadline: ShutdownDeadline
    let logger: Logger

    func run() async throws {
        await gracefulShutdown()
        health.drain()
        deadline.arm()
        logger.notice("Stopping")
    }
}

/// The context that a service is built from. `try KafkaSettings(&context.settings)` reads settings, and all adapters
/// share the rest.
public struct RuntimeContext: Sendable {
    public var settings: SettingsReader
    public let logger: Logger
    public let metrics = Metrics()
    public let health = Health()
    /// Triggered by the first signal. A service may trigger it to end the process in the same way.
    public let shutdown: GracefulShutdown
}

/// Why the process could not serve.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable { case cannotListen, cannotPublishPort }

    public let code: Code
    public let message: String
    public let isRetriable: Bool
    public let underlying: (any Error)?

    init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = false
        self.underlying = underlying
    }

    public var description: String { "\(code): \(message)" }
}

/// The exit code of a service, for its supervisor.
public enum ExitCode: Int32, Sendable {
    /// The process was asked to stop or had nothing left to do, and has finished all work.
    case stopped = 0
    /// A service ended with a fault, or stopping took longer than `WINNOW_SHUTDOWN_TIMEOUT_SECONDS`.
    case failed = 1
    /// A setting is missing or invalid. A restart without a change fails again.
    case misconfigured = 2
}
