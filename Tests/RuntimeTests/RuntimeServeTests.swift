import Lifecycle
import Settings
import Telemetry
import Testing

@testable import Runtime

@Suite struct RuntimeServeTests {
    @Test func `a service is not ready before it has started, nor while it drains, but alive all along`() async throws {
        let (log, shutdown, stage) = (LogLines(), GracefulShutdown(), Stage())
        async let code = Runtime.serve(
            "probe", reader: SettingsReader(environment: [:]), sink: log.append, shutdown: shutdown,
            build: { context in
                await stage.reached("building")
                return [Held(stage: stage, check: context.health.check("broker"))]
            }, started: { _ in })

        await stage.waits(for: "building")
        let client = LoopbackClient(port: try #require(log.port))
        #expect(try client.get("/livez").status == 200)
        #expect(try client.get("/readyz").status == 503)
        #expect(try client.get("/readyz").body.contains(#""started":false"#))
        stage.release()

        await stage.waits(for: "running")
        #expect(try client.get("/readyz").status == 200)
        shutdown.trigger()
        await stage.waits(for: "stopping")
        #expect(try client.get("/livez").status == 200)
        #expect(try client.get("/readyz").status == 503)
        #expect(try client.get("/readyz").body.contains("draining"))
        stage.release()

        #expect(await code == .stopped)
        #expect(throws: LoopbackClient.Failure.self) { try client.get("/livez") }
    }

    @Test func `every setting is logged once at start, and no secret is in it`() async {
        let (code, log) = await serve(["DATABASE_URL": "postgres://winnow:hunter2@db", "KAFKA": "b:9092"]) { context in
            _ = try context.settings.secret("DATABASE_URL")
            _ = try context.settings.required("KAFKA")
            context.shutdown.trigger()
            return []
        }
        #expect(code == .stopped)
        let settings = log.all.filter { $0["message"] == "Settings" }
        #expect(settings.count == 1)
        #expect(settings.first?["DATABASE_URL"] == "***")
        #expect(settings.first?["KAFKA"] == "b:9092")
        #expect(settings.first?["WINNOW_SHUTDOWN_TIMEOUT_SECONDS"] == "30")
        #expect(!log.text.contains("hunter2"))
    }

    @Test func `a setting that the service refuses is one clear line and the code for it`() async {
        let (code, log) = await serve([:]) { context in
            _ = try context.settings.required("KAFKA_BOOTSTRAP_SERVERS")
            return []
        }
        #expect(code == .misconfigured)
        let errors = log.all.filter { $0["level"] == "error" }
        #expect(errors.count == 1)
        #expect(errors.first?["setting"] == "KAFKA_BOOTSTRAP_SERVERS")
        #expect(errors.first?["error.message"] == "is required and not set")
    }

    @Test(arguments: ["WINNOW_LOG_LEVEL", "WINNOW_HTTP_PORT", "WINNOW_SHUTDOWN_TIMEOUT_SECONDS"])
    func `a setting that the bootstrap refuses ends it before anything is built`(key: String) async {
        let (code, log) = await serve([key: "nonsense"]) { _ in
            Issue.record("nothing may be built")
            return []
        }
        #expect(code == .misconfigured)
        #expect(log.all.map { $0["setting"] } == [key])
    }

    @Test func `a fault while building or running is the code for a failure`() async {
        struct Fault: Error {}
        struct Failing: Service {
            func run() async throws { throw Fault() }
        }
        #expect(await serve([:]) { _ in throw Fault() }.code == .failed)
        #expect(await serve([:]) { _ in [Failing()] }.code == .failed)
        #expect(await serve(["WINNOW_HTTP_HOST": "192.0.2.1"]) { _ in [] }.code == .failed)
    }

    @Test func `the service's name and log level come from the environment`() async {
        let (_, log) = await serve(["OTEL_SERVICE_NAME": "other", "WINNOW_LOG_LEVEL": "error"]) { context in
            context.logger.notice("Not shown")
            context.logger.error("Shown")
            context.shutdown.trigger()
            return []
        }
        #expect(log.all.map { $0["message"] } == ["Shown"])
        #expect(log.all.map { $0["service.name"] } == ["other"])
    }

    @Test func `a service that stops too late is ended by the deadline, which starts once`() async {
        let (expirations, continuation) = AsyncStream.makeStream(of: Void.self)
        let deadline = ShutdownDeadline(.milliseconds(1)) { continuation.yield() }
        deadline.arm()
        deadline.arm()
        var iterator = expirations.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    private func serve(
        _ environment: [String: String], build: @Sendable (inout RuntimeContext) async throws -> [any Service]
    ) async -> (code: ExitCode, log: LogLines) {
        let log = LogLines()
        let code = await Runtime.serve(
            "probe", reader: SettingsReader(environment: environment), sink: log.append, shutdown: GracefulShutdown(),
            build: build, started: { _ in })
        return (code, log)
    }
}

/// Reports when it runs and when it is asked to stop, and stops when the test allows it.
private struct Held: Service {
    let stage: Stage
    let check: HealthCheck

    func run() async throws {
        check.set(true)
        stage.tell("running")
        await gracefulShutdown()
        await stage.reached("stopping")
    }
}
