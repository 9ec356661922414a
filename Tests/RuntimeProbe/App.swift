import Lifecycle
import Runtime
import Settings
import Telemetry

/// The smallest real service, so that tests can send signals to a separate process.
@main
enum App {
    static func main() async {
        await Runtime.run("runtime-probe") { context in
            switch try context.settings.required("PROBE") {
            case "waits": [Waits(logger: context.logger)]
            case "hangs": [Hangs(logger: context.logger)]
            case "fails": [Waits(logger: context.logger), Fails()]
            case let other: throw SettingsError("PROBE", "is not known: \(other)")
            }
        }
    }
}

/// Stops when it is asked to.
private struct Waits: Service {
    let logger: Logger

    func run() async throws {
        logger.notice("Running")
        await gracefulShutdown()
    }
}

/// Never stops.
private struct Hangs: Service {
    let logger: Logger

    func run() async throws {
        logger.notice("Running")
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        continuation.finish()
    }
}

private struct Fails: Service {
    struct Fault: Error {}

    func run() async throws { throw Fault() }
}
