import Contracts
import KafkaBus

/// Judges how far behind a delivery loop is, by the age of the oldest waiting record and by the group's progress. The
/// number of records proves little: a thousand may be a second's work, but a record that waits for an hour is a fault.
struct LagReport {
    /// A delivery loop that the doctor checks.
    struct Loop {
        let name: String
        /// The checked part of the loop's topics, if it is not all of them.
        var part: String?
        let topics: [String]
        let lane: Lane
        /// How long a record may wait before the loop is behind. - Units: seconds.
        var bound: Int64 = 60

        var check: String { "lag of \(name)\(part.map { ", \($0)" } ?? "")" }
    }

    let loop: Loop
    /// Two reads of the group's lag, some seconds apart. The second is empty if it was not needed.
    let first: [PartitionLag]
    let second: [PartitionLag]
    let now: Timestamp

    /// - Parameters:
    ///   - catalog: the capabilities, some of which have workers.
    ///   - tenants: the tenants with topics of their own. Their requests are checked separately from the shared topics,
    ///     so that the shared ones do not hide a tenant's topic that no consumer follows.
    static func loops(_ catalog: Catalog, tenants: Set<TenantID> = []) -> [Loop] {
        let perLane = Lane.allCases.flatMap { lane in
            [
                Loop(
                    name: lane.loop(of: "decomposer"), topics: [Topic.requests(lane), Topic.retriedRequests(lane)],
                    lane: lane),
                Loop(
                    name: lane.loop(of: "escalator"),
                    topics: [Topic.escalations(lane)] + (lane == .bulk ? [Topic.shadows] : []), lane: lane),
                Loop(name: lane.loop(of: "aggregator"), topics: [Topic.outcomes(lane)], lane: lane),
            ]
                + catalog.capabilitiesWithWorkers.map {
                    Loop(name: lane.loop(of: "\($0)-worker"), topics: [Topic.steps($0, lane)], lane: lane)
                }
        }
        let own = Lane.allCases.map { lane in
            Loop(
                name: lane.loop(of: "decomposer"), part: "topics of tenants",
                topics: tenants.compactMap { Topic.requests(lane, of: $0) }.sorted(), lane: lane)
        }
        return perLane + own.filter { !$0.topics.isEmpty } + [
            // Records wait in this topic for half a minute by design.
            Loop(name: "retries", topics: [Topic.retries], lane: .interactive, bound: 120),
            Loop(name: "heartbeats", topics: [Topic.heartbeats], lane: .interactive),
        ]
    }

    /// Whether a record waits so long that a second read must show whether the group makes progress.
    var needsSecondLook: Bool { age.map { $0 >= loop.bound } ?? (waiting > 0) }

    /// The number of waiting records.
    private var waiting: Int64 { first.reduce(0) { $0 + $1.count } }
    private var dropped: Int64 { first.reduce(0) { $0 + $1.dropped } }
    /// - Units: seconds; `nil` if nothing waits or the oldest record could not be read.
    private var age: Int64? {
        first.compactMap(\.oldest).min().map { max(0, now.milliseconds - $0.milliseconds) / 1000 }
    }
    private var makesProgress: Bool {
        let before = Dictionary(first.map { ($0.partition, $0.next) }) { first, _ in first }
        return second.contains { $0.next > before[$0.partition, default: .max] }
    }

    var finding: Finding {
        let check = loop.check
        guard dropped == 0 else {
            return Finding(
                check, .bad, "\(dropped) records were dropped by the broker before they were read",
                "raise the topic's retention, or start more of \(loop.name); the embedded broker keeps 5 MiB a partition"
            )
        }
        guard waiting > 0 else { return Finding(check, .good, "no record waits") }
        let text = "\(waiting) records wait, the oldest for \(age.map { "\($0) s" } ?? "an unknown time")"
        guard needsSecondLook else { return Finding(check, .good, text) }
        guard makesProgress else {
            return Finding(
                check, loop.lane == .bulk ? .doubtful : .bad, "no progress: \(text)",
                "see /readyz and the log of \(loop.name); start it, or resume it if it is drained ('winnow instances')")
        }
        // Bulk work may wait for its turn for any time.
        return loop.lane == .bulk
            ? Finding(check, .good, text)
            : Finding(check, .doubtful, text, "start more of \(loop.name)")
    }
}

/// Checks that tenants' own topics exist. A request or a result without its topic is lost.
enum TenantTopicsCheck {
    private static let check = "topics of tenants"

    /// - Parameters:
    ///   - tenants: the tenants in Postgres.
    ///   - topics: the topics of the broker.
    static func finding(_ tenants: Result<Set<TenantID>, any Error>, in topics: some Collection<String>) -> Finding {
        do {
            let existing = Set(topics)
            let tenants = try tenants.get().sorted()
            let missing = tenants.map { (tenant: $0, topics: Topic.own($0).filter { !existing.contains($0) }) }
                .filter { !$0.topics.isEmpty }
            guard missing.isEmpty else {
                let commands = missing.map { "winnow tenants topics \(Shell.quoted($0.tenant.rawValue))" }
                return Finding(
                    check, .bad, "missing: \(missing.flatMap { $0.topics }.joined(separator: ", "))",
                    "run \(commands.joined(separator: "; "))")
            }
            return Finding(
                check, .good, tenants.isEmpty ? "no tenant has its own" : "those of \(tenants.count) tenants exist")
        } catch {
            return Finding(check, .doubtful, "\(error)")
        }
    }
}
