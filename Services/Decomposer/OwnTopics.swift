import Contracts
import Lifecycle
import MessageBus
import Store
import Synchronization
import Telemetry

/// Tenants with topics of their own, as Postgres lists them, and the consumers that follow these topics.
///
/// It looks every few seconds, so that a tenant gets its topics without a restart. While Postgres is away it keeps what it
/// knows. No request is taken before it has looked once: until then it could not tell whose a request is.
final class OwnTopics: Service {
    private struct State {
        var tenants: Set<TenantID> = []
        /// Those whose topics every consumer follows.
        var followed: Set<TenantID> = []
        var owners: [String: TenantID] = [:]
        var subscribers: [(lane: Lane, subscriber: any TopicSubscriber)] = []
    }

    private let register: any TenantTopicRegister
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let loaded = Signal()

    init(register: any TenantTopicRegister, interval: Duration = .seconds(5), logger: Logger) {
        self.register = register
        self.interval = interval
        self.logger = logger
    }

    /// The topics that all tenants share.
    static func shared(_ lane: Lane) -> [String] { [Topic.requests(lane), Topic.retriedRequests(lane)] }

    /// Has a consumer follow the topics of its lane. To be called before `run`.
    func keep(_ subscriber: any TopicSubscriber, in lane: Lane) {
        state.withLock { $0.subscribers.append((lane, subscriber)) }
    }

    /// Returns once the list was read, or a stop came first.
    func prepare() async { await loaded.wait() }

    /// - Returns: whose topic it is; `nil` for a topic that all tenants share.
    func owner(of topic: String) -> TenantID? { state.withLock { $0.owners[topic] } }

    func contains(_ tenant: TenantID) -> Bool { state.withLock { $0.tenants.contains(tenant) } }

    func run() async throws {
        defer { loaded.fire() }
        repeat {
            do {
                try await look()
            } catch {
                logger.warning("Topics of tenants cannot be read", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: interval)
    }

    /// Reads the list, and has the consumers follow what is new.
    func look() async throws {
        let tenants = try await register.tenantsWithOwnTopics()
        let subscribers = state.withLock { state in state.followed == tenants ? [] : state.subscribers }
        let names = Dictionary(
            uniqueKeysWithValues: Lane.allCases.map { lane in
                (lane, tenants.map { (tenant: $0, topic: Topic.requests(lane, of: $0)) })
            })
        // Whose a topic is must be known before its first record is read.
        let owners = names.values.joined().compactMap { name in name.topic.map { ($0, name.tenant) } }
        state.withLock { state in
            state.tenants = tenants
            state.owners = Dictionary(owners) { first, _ in first }
        }
        for (lane, subscriber) in subscribers {
            let own = names[lane, default: []].compactMap(\.topic).sorted()
            try await subscriber.subscribe(to: Self.shared(lane) + own)
        }
        // Last, so that a consumer that could not follow is told again.
        state.withLock { $0.followed = tenants }
        loaded.fire()
        guard !subscribers.isEmpty else { return }
        logger.notice("Topics of tenants are followed", metadata: [LogKeys.count: "\(tenants.count)"])
    }
}
