import Contracts
import Glibc

/// What Prometheus' own client libraries tell about a process, and which build it is.
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
        # HELP winnow_build_info Which service this is, and its version.
        # TYPE winnow_build_info gauge
        winnow_build_info{service="\(service)",version="\(Build.version)"} 1

        """
    }

    /// The second field of `statm`, in pages.
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

/// User and system time of all threads since the process started.
public enum ProcessorTime {
    public static var seconds: Double {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }
}

/// The version that this source builds.
public enum Build {
    public static let version = "0.1.0"
}
