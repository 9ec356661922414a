import Contracts
import Store
import Synchronization

/// Stores request state and the ledger in PostgreSQL.
///
/// A batch is a few statements over arrays, so that a row costs microseconds. A batch of a single request needs three
/// round trips in total: one to accept it and two to settle it.
public final class PostgresStore: RequestStore, AttemptLedger, CancellationQueue {
    let session: PostgresSession
    let onFinal: FinalRequestObserver?
    private let knownTenants = Mutex(KnownTenants())

    /// A cache of tenants that have a row. Names of tenants come from outside, so the cache is bounded. It is cleared
    /// after an hour, because retention may delete tenants. It deletes only tenants without requests, so a tenant that
    /// had a request within the last hour still has its row.
    private struct KnownTenants {
        static let most = 10_000
        static let lifetime = Duration.seconds(3600)

        var tenants: Set<TenantID> = []
        var since = ContinuousClock.now
    }

    /// The first call opens the connection.
    public init(_ settings: PostgresSettings, onFinal: FinalRequestObserver? = nil) {
        session = PostgresSession(settings.options(Self.sessionOptions))
        self.onFinal = onFinal
    }

    /// Plans must not depend on statistics: the partition of a new day has none, and a sequential scan that was planned
    /// while it was empty would still be used when it is full. So every plan is generic, is made once, and uses
    /// indexes. The timeouts are below the 30 s for which a partition may be blocked.
    private static let sessionOptions = [
        (name: "plan_cache_mode", value: "force_generic_plan"), (name: "enable_seqscan", value: "off"),
        (name: "enable_bitmapscan", value: "off"), (name: "enable_hashjoin", value: "off"),
        (name: "enable_mergejoin", value: "off"), (name: "jit", value: "off"),
        (name: "statement_timeout", value: "20s"), (name: "lock_timeout", value: "10s"),
        (name: "idle_in_transaction_session_timeout", value: "30s"),
    ]

    /// The tenants that may have no row yet.
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
