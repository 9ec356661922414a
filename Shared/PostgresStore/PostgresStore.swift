import Contracts
import Store
import Synchronization

/// Request state and the ledger in PostgreSQL.
///
/// A batch is a handful of statements over arrays, so that a row costs microseconds and a batch of one three round
/// trips for its whole life: one to accept it, two to settle it.
public final class PostgresStore: RequestStore, AttemptLedger, CancellationQueue {
    let session: PostgresSession
    private let knownTenants = Mutex<Set<TenantID>>([])

    /// Tenants come from outside; what is remembered of them is bounded.
    private static let rememberedTenants = 10_000

    /// The connection is opened by the first call.
    public init(_ settings: PostgresSettings) { session = PostgresSession(settings.options(Self.sessionOptions)) }

    /// Plans must not depend on statistics: a new day's partition has none, and a plan that scans it because it was
    /// empty would be kept while it fills. So every plan is generic, made once, and goes by index.
    /// The timeouts stay below the 30 s that a partition may be held up.
    private static let sessionOptions = [
        (name: "plan_cache_mode", value: "force_generic_plan"), (name: "enable_seqscan", value: "off"),
        (name: "enable_bitmapscan", value: "off"), (name: "enable_hashjoin", value: "off"),
        (name: "enable_mergejoin", value: "off"), (name: "jit", value: "off"),
        (name: "statement_timeout", value: "20s"), (name: "lock_timeout", value: "10s"),
        (name: "idle_in_transaction_session_timeout", value: "30s"),
    ]

    /// Those that may have no row yet.
    func unknownTenants(_ tenants: some Sequence<TenantID>) -> Set<TenantID> {
        knownTenants.withLock { known in Set(tenants.filter { !known.contains($0) }) }
    }

    func remember(_ tenants: Set<TenantID>) {
        guard !tenants.isEmpty else { return }
        knownTenants.withLock { known in
            if known.count + tenants.count > Self.rememberedTenants { known = [] }
            known.formUnion(tenants)
        }
    }
}
