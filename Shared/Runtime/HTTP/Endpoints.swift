import Contracts
import Glibc
import JSON
import Synchronization
import Telemetry

/// Serves `/livez`, `/readyz` and `/metrics`.
struct Endpoints: Sendable {
    let health: Health
    let metrics: Metrics
    let service: String
    private let process = ProcessMetrics()

    init(health: Health, metrics: Metrics, service: String) {
        self.health = health
        self.metrics = metrics
        self.service = service
    }

    @Sendable func answer(_ method: String, _ path: String) -> HTTPResponse {
        guard let answer = answer(path) else { return HTTPResponse(404, HTTPResponse.plain, "not found\n") }
        guard method == "GET" || method == "HEAD" else {
            return HTTPResponse(405, HTTPResponse.plain, "method not allowed\n", allow: "GET, HEAD")
        }
        return answer()
    }

    private func answer(_ path: String) -> (() -> HTTPResponse)? {
        switch path {
        case "/livez": { HTTPResponse(200, HTTPResponse.plain, "ok\n") }
        case "/readyz": readiness
        case "/metrics":
            { HTTPResponse(200, HTTPResponse.prometheus, metrics.render() + process.render(service: service)) }
        default: nil
        }
    }

    private func readiness() -> HTTPResponse {
        let report = health.report
        var writer = JSONWriter()
        writer.object { body in
            body.member("status", report.isReady ? "ready" : report.isDraining ? "draining" : "not ready")
            body.name("checks")
            body.object { checks in
                for (name, isGood) in report.checks.sorted(by: { $0.key < $1.key }) { checks.member(name, isGood) }
            }
        }
        return HTTPResponse(report.isReady ? 200 : 503, HTTPResponse.json, writer.text + "\n")
    }
}

/// Whether this process can do its work. It is ready if every check is good and it is not draining.
public final class Health: Sendable {
    struct Report: Equatable {
        var checks: [String: Bool]
        var isDraining: Bool

        var isReady: Bool { !isDraining && checks.values.allSatisfy { $0 } }
    }

    private struct State {
        var checks: [String: HealthCheck] = [:]
        var isStopping = false
        var isDrained = false
    }

    private let state = Mutex(State())

    public init() {}

    /// A second call with the same name returns the same check.
    public func check(_ name: String, initially isGood: Bool = false) -> HealthCheck {
        state.withLock { state in
            if let known = state.checks[name] { return known }
            let check = HealthCheck(isGood)
            state.checks[name] = check
            return check
        }
    }

    /// Makes the process not ready until it ends. Called when it has been asked to stop and finishes its current work.
    public func drain() { state.withLock { $0.isStopping = true } }

    /// Makes the process not ready from an operator's command to drain it until the command to resume.
    public func setDrained(_ isDrained: Bool) { state.withLock { $0.isDrained = isDrained } }

    public var isReady: Bool { report.isReady }

    var report: Report {
        state.withLock { Report(checks: $0.checks.mapValues(\.isGood), isDraining: $0.isStopping || $0.isDrained) }
    }
}

/// A condition of readiness, such as a connection.
public final class HealthCheck: Sendable {
    private let good: Atomic<Bool>

    init(_ isGood: Bool) { good = Atomic(isGood) }

    public var isGood: Bool { good.load(ordering: .relaxed) }

    public func set(_ isGood: Bool) { good.store(isGood, ordering: .relaxed) }
}

/// The process metrics of Prometheus' client libraries, and the build information.
/// - Source: Prometheus, writing client libraries, process metrics
struct ProcessMetrics: Sendable {
    private let startTime = Double(Timestamp.now.milliseconds) / 1000

    func render(service: String) -> String {
        """
        # HELP process_cpu_seconds_total User and system CPU time spent.
        # TYPE process_cpu_seconds_total counter
        process_cpu_seconds_total \(ProcessorTime.seconds)
        # HELP process_resident_memory_bytes Resident memory size.
        # TYPE process_resident_memory_bytes gauge
        process_resident_memory_bytes \(residentBytes)
        # HELP process_start_time_seconds Start of the process since the epoch.
        # TYPE process_start_time_seconds gauge
        process_start_time_seconds \(startTime)
        # HELP winnow_build_info Name and version of the service.
        # TYPE winnow_build_info gauge
        winnow_build_info{service="\(service)",version="\(Build.version)"} 1

        """
    }

    /// Reads the second field of `statm`, in pages.
    private var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let fields = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
        guard fields.count > 1 else { return 0 }
        let pages = String(decoding: fields[1].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return (Int(pages) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// The user and system time of all threads since the process started.
public enum ProcessorTime {
    public static var seconds: Double {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}

/// The version of this source, as `--version` and the metrics report it.
public enum Build {
    public static let version = "0.1.0"
}
