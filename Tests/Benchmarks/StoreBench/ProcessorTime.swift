import FoundationEssentials
import Glibc

/// Processor time of this process. - Units: seconds.
enum ProcessorTime {
    static var ofThisProcess: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
}

/// A PostgreSQL server on this machine, with its sessions and auxiliary processes.
struct ServerProcess {
    let postmaster: Int

    /// The time of all of them, including those that have ended. - Units: seconds.
    var processorTime: Double {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int($0) } ?? []
        return pids.reduce(0) { $0 + (ticks(of: $1) ?? 0) } / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// - Source: proc(5), /proc/pid/stat: after the name, field 4 is the parent, and 14 to 17 are the times.
    private func ticks(of pid: Int) -> Double? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        let fields = String(decoding: data, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 14, pid == postmaster || fields[1] == "\(postmaster)" else { return nil }
        return fields[11...14].reduce(0) { $0 + (Double($1) ?? 0) }
    }
}
