import Contracts
import Store
import Synchronization

/// Request state and the ledger in PostgreSQL.
///
/// A batch is a handful of statements over arrays, so that a row costs microseconds and a batch of one three round
/// trips for its whole life: one to accept it, two to settle it.
public final class PostgresStore: RequestStore, AttemptLedger, CancellationQueue {
    let session: PostgresSession
    let onFinal: FinalRequestObserver?
    private let knownTenants = Mutex(KnownTenants())

    /// Tenants that have a row. They come from outside, so what is remembered of them is bounded. It is forgotten after an
    /// hour: retention deletes a tenant only if no request of it is left, so that one that asked within the hour is there.
    private struct KnownTenants {
        static let most = 10_000
        static let lifetime = Duration.seconds(3600)

        var tenants: Set<TenantID> = []
        var since = ContinuousClock.now
    }

    /// The connection is opened by the first call.
    public init(_ settings: PostgresSettings, onFinal: FinalRequestObserver? = nil) {
        session = PostgresSession(settings.options(Self.sessionOptions))
        self.onFinal = onFinal
    }

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
        knownTenants.withLock { known in
            if known.since.duration(to: .now) > KnownTenants.lifetime { known = KnownTenants() }
            return Set(tenants.filter { !known.tenants.contains($0) })
        }
    }

    func remember(_ tenants: Set<TenantID>) {
        guard !tenants.isEmpty else { return }
        knownTenants.withLock { known in
            if known.tenants.count + tenants.count > KnownTenants.most { known = KnownTenants() }
            known.tenants.formUnion(tenants)
        }
    }
}
