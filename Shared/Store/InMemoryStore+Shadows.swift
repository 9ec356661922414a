import Contracts
import Synchronization

extension InMemoryStore: ShadowRegister, AgreementRegister {
    struct Shadows {
        var comparisons: [Place: ShadowComparison] = [:]
        var stale: Set<Place> = []
        var agreements: [AgreementScope: Agreement] = [:]
    }

    struct Place: Hashable {
        var step: Step.ID
        var item: Int
    }

    public func compared(among steps: [Step.ID]) async throws -> Set<Step.ID> {
        shadows.withLock { shadows in Set(steps).intersection(shadows.comparisons.keys.map(\.step)) }
    }

    public func settle(_ entries: [LedgerEntry], comparing comparisons: [ShadowComparison]) async throws {
        try await settle(entries)
        shadows.withLock { shadows in
            for comparison in comparisons {
                let place = Place(step: comparison.step, item: comparison.item)
                guard shadows.comparisons[place] == nil else { continue }
                shadows.comparisons[place] = comparison
                shadows.stale.insert(place)
            }
        }
    }

    public func judge(
        limit: Int, _ verdict: @escaping @Sendable ([ShadowSample]) -> [Agreement]
    ) async throws -> [ShadowSample] {
        let known = certificates.withLock { $0.known.mapValues(\.certificate) }
        return shadows.withLock { shadows in
            func scopes(_ comparison: ShadowComparison) -> [AgreementScope] {
                let hour = Timestamp(milliseconds: comparison.decidedAt.milliseconds / 3_600_000 * 3_600_000)
                let isOfCertificate = known[comparison.certificate]?.fullModel == comparison.fullModel
                return [.hour(hour, comparison.route)]
                    + (isOfCertificate ? [.certificate(comparison.certificate)] : [])
            }
            let grown = Set(shadows.stale.prefix(limit).compactMap { shadows.comparisons[$0] }.flatMap(scopes))
            guard !grown.isEmpty else { return [] }
            var samples: [AgreementScope: [Double: ShadowSample.Stratum]] = [:]
            for comparison in shadows.comparisons.values {
                for scope in scopes(comparison) where grown.contains(scope) {
                    let empty = ShadowSample.Stratum(probability: comparison.probability, compared: 0, disagreed: 0)
                    samples[scope, default: [:]][comparison.probability, default: empty].compared += 1
                    if !comparison.agrees { samples[scope]?[comparison.probability]?.disagreed += 1 }
                }
            }
            let found = samples.map { scope, strata in
                ShadowSample(scope: scope, strata: strata.values.sorted { $0.probability < $1.probability })
            }
            for agreement in verdict(found) { shadows.agreements[agreement.scope] = agreement }
            shadows.stale.subtract(shadows.stale.prefix(limit))
            return found
        }
    }

    /// What was judged last.
    public func agreement(of scope: AgreementScope) async throws -> Agreement? {
        shadows.withLock { $0.agreements[scope] }
    }
}
