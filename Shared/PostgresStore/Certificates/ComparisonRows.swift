import Contracts
import Store

/// Comparisons as columns.
struct ComparisonRows {
    /// Serializes the transactions that count comparisons. Otherwise two concurrent transactions could both count a
    /// text as new to all tenants, or give two tenants the same position.
    static let lock: SQL = "SELECT pg_advisory_xact_lock(hashtext('winnow.shadow_text'))"

    private var keys = PostgresArray<RequestKey>()
    private var ordinals = PostgresArray<Int16>()
    private var items = PostgresArray<Int16>()
    private var tenants = PostgresArray<String>()
    private var texts = PostgresArray<Blob>()
    private var capabilities = PostgresArray<String>()
    private var tasks = PostgresArray<String>()
    private var smallModels = PostgresArray<String>()
    private var fullModels = PostgresArray<String>()
    private var certificates = PostgresArray<String>()
    private var probabilities = PostgresArray<Double>()
    private var confidences = PostgresArray<Double>()
    private var agrees = PostgresArray<Bool>()
    private var decidedAt = PostgresArray<Timestamp>()
    private var comparedAt = PostgresArray<Timestamp>()

    init(_ comparisons: [ShadowComparison]) {
        for comparison in comparisons {
            keys.append(RequestKey(comparison.step.request))
            ordinals.append(Int16(clamping: comparison.step.ordinal))
            items.append(Int16(clamping: comparison.item))
            tenants.append(comparison.tenant.rawValue)
            texts.append(Blob(bytes: Array(comparison.text.utf8)))
            capabilities.append(comparison.route.capability.rawValue)
            tasks.append(comparison.route.task)
            smallModels.append(comparison.smallModel)
            fullModels.append(comparison.fullModel)
            certificates.append(comparison.certificate.description)
            probabilities.append(comparison.probability)
            confidences.append(comparison.confidence)
            agrees.append(comparison.agrees)
            decidedAt.append(comparison.decidedAt)
            comparedAt.append(comparison.comparedAt)
        }
    }

    /// Stores the comparisons, and counts those whose text is new for its tenant, certificate and full model.
    var statement: SQL {
        let sql: SQL = """
            WITH input AS MATERIALIZED (
                SELECT DISTINCT ON (certificate_id, full_model, digest, tenant_id) * FROM (
                    SELECT u.*, winnow.text_digest(content) AS digest FROM unnest(
                        \(keys), \(ordinals), \(items), \(tenants), \(texts), \(capabilities), \(tasks),
                        \(smallModels), \(fullModels), \(certificates), \(probabilities), \(confidences), \(agrees),
                        \(decidedAt), \(comparedAt)) WITH ORDINALITY AS u (
                        request_id, step_ordinal, item_index, tenant_id, content, capability, task, small_model,
                        full_model, certificate_id, sampling_probability, confidence, agrees, decided_at,
                        compared_at, place)) AS u
                ORDER BY certificate_id, full_model, digest, tenant_id, place),
            new_text AS (
                INSERT INTO winnow.shadow_text (certificate_id, full_model, digest, tenant_id, compared_at)
                SELECT certificate_id, full_model, digest, tenant_id, compared_at FROM input
                ON CONFLICT DO NOTHING RETURNING certificate_id, full_model, digest, tenant_id),
            -- The statement sees the texts as they were before it began.
            fresh AS MATERIALIZED (
                SELECT i.*, date_trunc('hour', decided_at, 'UTC') AS hour,
                    row_number() OVER (PARTITION BY certificate_id, full_model, digest ORDER BY place) = 1
                    AND NOT EXISTS (
                        SELECT FROM winnow.shadow_text AS t
                        WHERE t.certificate_id = i.certificate_id AND t.full_model = i.full_model
                            AND t.digest = i.digest) AS is_novel
                FROM input AS i JOIN new_text USING (certificate_id, full_model, digest, tenant_id)),
            kept AS (
                INSERT INTO winnow.shadow_comparison (
                    request_id, step_ordinal, item_index, capability, task, small_model, full_model, certificate_id,
                    sampling_probability, confidence, agrees, decided_at, compared_at)
                SELECT request_id, step_ordinal, item_index, capability, task, small_model, full_model, certificate_id,
                    sampling_probability, confidence, agrees, decided_at, compared_at
                FROM fresh ON CONFLICT DO NOTHING),
            placed AS (
                INSERT INTO winnow.shadow_tenant (certificate_id, tenant_id, position)
                SELECT certificate_id, tenant_id,
                    coalesce((
                        SELECT max(s.position) FROM winnow.shadow_tenant AS s
                        WHERE s.certificate_id = f.certificate_id), 0)
                    + row_number() OVER (PARTITION BY certificate_id ORDER BY first_place)
                FROM (
                    SELECT certificate_id, tenant_id, min(place) AS first_place FROM fresh GROUP BY 1, 2) AS f
                WHERE NOT EXISTS (
                    SELECT FROM winnow.shadow_tenant AS s
                    WHERE s.certificate_id = f.certificate_id AND s.tenant_id = f.tenant_id)),
            weighed AS (
                INSERT INTO winnow.shadow_evidence AS e (
                    certificate_id, full_model, tenant_id, sampling_probability, compared, disagreed, novel,
                    novel_disagreed)
                SELECT certificate_id, full_model, tenant_id, sampling_probability, count(*),
                    count(*) FILTER (WHERE NOT agrees), count(*) FILTER (WHERE is_novel),
                    count(*) FILTER (WHERE is_novel AND NOT agrees)
                FROM fresh GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
                ON CONFLICT (certificate_id, full_model, tenant_id, sampling_probability) DO UPDATE
                SET compared = e.compared + excluded.compared, disagreed = e.disagreed + excluded.disagreed,
                    novel = e.novel + excluded.novel, novel_disagreed = e.novel_disagreed + excluded.novel_disagreed)
            INSERT INTO winnow.shadow_tally AS t (
                hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability,
                compared, disagreed)
            SELECT hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability,
                count(*), count(*) FILTER (WHERE NOT agrees)
            FROM fresh GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
            ON CONFLICT (
                hour, capability, task, certificate_id, small_model, full_model, tenant_id, sampling_probability)
            DO UPDATE
            SET compared = t.compared + excluded.compared, disagreed = t.disagreed + excluded.disagreed, is_stale = true
            """
        return sql.named("keep comparisons")
    }
}

/// Agreements as columns, with one statement per kind of scope.
struct AgreementRows {
    private(set) var hours = PostgresArray<Timestamp>()
    private(set) var capabilities = PostgresArray<String>()
    private(set) var tasks = PostgresArray<String>()
    private(set) var hourTenants = PostgresArray<String>()
    private(set) var certificates = PostgresArray<String>()
    private var tenants = PostgresArray<String>()
    private var compared = PostgresArray<Int64>()
    private var disagreed = PostgresArray<Int64>()
    private var values = PostgresArray<Double>()
    private var lows = PostgresArray<Double>()
    private var highs = PostgresArray<Double>()

    init(_ scopes: some Sequence<AgreementScope>) {
        for scope in scopes {
            switch scope {
            case .hour(let hour, let route, let tenant):
                hours.append(hour)
                capabilities.append(route.capability.rawValue)
                tasks.append(route.task)
                hourTenants.append(tenant.rawValue)
            case .tenant(let id, let tenant):
                certificates.append(id.description)
                tenants.append(tenant.rawValue)
            case .certificate(let id): certificates.append(id.description)
            }
        }
    }

    private init(_ agreements: [Agreement]) {
        self.init(agreements.map(\.scope))
        for agreement in agreements {
            compared.append(Int64(agreement.compared))
            disagreed.append(Int64(agreement.disagreed))
            values.append(agreement.value)
            lows.append(agreement.low)
            highs.append(agreement.high)
        }
    }

    static func statements(_ agreements: [Agreement]) -> [SQL] {
        var (hourly, byTenant, certified) = ([Agreement](), [Agreement](), [Agreement]())
        for agreement in agreements {
            switch agreement.scope {
            case .hour: hourly.append(agreement)
            case .tenant: byTenant.append(agreement)
            case .certificate: certified.append(agreement)
            }
        }
        return (hourly.isEmpty ? [] : [AgreementRows(hourly).ofHours])
            + (byTenant.isEmpty ? [] : [AgreementRows(byTenant).ofTenants])
            + (certified.isEmpty ? [] : [AgreementRows(certified).ofCertificates])
    }

    private var ofHours: SQL {
        let sql: SQL = """
            INSERT INTO winnow.agreement (
                hour, capability, task, tenant_id, compared, disagreed, agreement, low, high)
            SELECT * FROM unnest(
                \(hours), \(capabilities), \(tasks), \(hourTenants), \(compared), \(disagreed), \(values), \(lows),
                \(highs))
            ON CONFLICT (hour, capability, task, tenant_id) DO UPDATE
            SET compared = excluded.compared, disagreed = excluded.disagreed, agreement = excluded.agreement,
                low = excluded.low, high = excluded.high
            """
        return sql.named("keep agreement of hours")
    }

    private var ofTenants: SQL {
        let sql: SQL = """
            INSERT INTO winnow.tenant_agreement (
                certificate_id, tenant_id, compared, disagreed, agreement, low, high)
            SELECT * FROM unnest(
                \(certificates), \(tenants), \(compared), \(disagreed), \(values), \(lows), \(highs))
            ON CONFLICT (certificate_id, tenant_id) DO UPDATE
            SET compared = excluded.compared, disagreed = excluded.disagreed, agreement = excluded.agreement,
                low = excluded.low, high = excluded.high
            """
        return sql.named("keep agreement of tenants")
    }

    private var ofCertificates: SQL {
        let sql: SQL = """
            INSERT INTO winnow.certificate_agreement (certificate_id, compared, disagreed, agreement, low, high)
            SELECT * FROM unnest(\(certificates), \(compared), \(disagreed), \(values), \(lows), \(highs))
            ON CONFLICT (certificate_id) DO UPDATE
            SET compared = excluded.compared, disagreed = excluded.disagreed, agreement = excluded.agreement,
                low = excluded.low, high = excluded.high
            """
        return sql.named("keep agreement of certificates")
    }
}
