import Contracts
import Lifecycle
import MessageBus
import Store
import Synchronization
import Telemetry

/// The tenants with topics of their own, as listed in Postgres, and the consumers that follow these topics.
///
/// It reads the list every few seconds, so a tenant gets its topics without a restart. While Postgres is unavailable it
/// keeps the last list. The decomposer takes no request before the first read, because it could not tell the tenant of
/// a request.
final class OwnTopics: Service {
    private struct State {
        var tenants: Set<TenantID> = []
        /// The tenants whose topics every consumer follows.
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

    /// Subscribes a consumer to the topics of its lane. Call it before `run`.
    func keep(_ subscriber: any TopicSubscriber, in lane: Lane) {
        state.withLock { $0.subscribers.append((lane, subscriber)) }
    }

    /// Returns once the list has been read, or a stop was requested.
    func prepare() async { await loaded.wait() }

    /// - Returns: the tenant that owns the topic; `nil` for a topic that all tenants share.
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

    /// Reads the list, and subscribes the consumers if it has changed.
    func look() async throws {
        let tenants = try await register.tenantsWithOwnTopics()
        let subscribers = state.withLock { state in state.followed == tenants ? [] : state.subscribers }
        let names = Dictionary(
            uniqueKeysWithValues: Lane.allCases.map { lane in
                (lane, tenants.map { (tenant: $0, topic: Topic.requests(lane, of: $0)) })
            })
        // The owner of a topic must be known before its first record is read.
        let owners = names.values.joined().compactMap { name in name.topic.map { ($0, name.tenant) } }
        state.withLock { state in
            state.tenants = tenants
            state.owners = Dictionary(owners) { first, _ in first }
        }
        for (lane, subscriber) in subscribers {
            let own = names[lane, default: []].compactMap(\.topic).sorted()
            try await subscriber.subscribe(to: Self.shared(lane) + own)
        }
        // This comes last, so that a failed subscription is tried again.
        state.withLock { $0.followed = tenants }
        loaded.fire()
        guard !subscribers.isEmpty else { return }
        logger.notice("Subscribed to the topics of tenants", metadata: [LogKeys.count: "\(tenants.count)"])
    }
}
