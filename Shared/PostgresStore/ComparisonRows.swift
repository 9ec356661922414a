import Contracts
import Store

/// Comparisons as columns.
struct ComparisonRows {
    private var keys = PostgresArray<RequestKey>()
    private var ordinals = PostgresArray<Int16>()
    private var items = PostgresArray<Int16>()
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

    /// Counts what is new, and only that.
    var statement: SQL {
        let sql: SQL = """
            WITH fresh AS (
                INSERT INTO winnow.shadow_comparison (
                    request_id, step_ordinal, item_index, capability, task, small_model, full_model, certificate_id,
                    sampling_probability, confidence, agrees, decided_at, compared_at)
                SELECT * FROM unnest(
                    \(keys), \(ordinals), \(items), \(capabilities), \(tasks), \(smallModels), \(fullModels),
                    \(certificates), \(probabilities), \(confidences), \(agrees), \(decidedAt), \(comparedAt))
                ON CONFLICT DO NOTHING
                RETURNING date_trunc('hour', decided_at, 'UTC') AS hour, capability, task, certificate_id, small_model,
                    full_model, sampling_probability, agrees)
            INSERT INTO winnow.shadow_tally AS t (
                hour, capability, task, certificate_id, small_model, full_model, sampling_probability, compared,
                disagreed)
            SELECT hour, capability, task, certificate_id, small_model, full_model, sampling_probability, count(*),
                count(*) FILTER (WHERE NOT agrees)
            FROM fresh GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
            ON CONFLICT (hour, capability, task, certificate_id, small_model, full_model, sampling_probability) DO UPDATE
            SET compared = t.compared + excluded.compared, disagreed = t.disagreed + excluded.disagreed, is_stale = true
            """
        return sql.named("keep comparisons")
    }
}

/// Agreements as columns; those of certificates have one column in place of three.
struct AgreementRows {
    private(set) var hours = PostgresArray<Timestamp>()
    private(set) var capabilities = PostgresArray<String>()
    private(set) var tasks = PostgresArray<String>()
    private var certificates = PostgresArray<String>()
    private var compared = PostgresArray<Int64>()
    private var disagreed = PostgresArray<Int64>()
    private var values = PostgresArray<Double>()
    private var lows = PostgresArray<Double>()
    private var highs = PostgresArray<Double>()

    init(_ scopes: some Sequence<AgreementScope>) {
        for scope in scopes {
            switch scope {
            case .hour(let hour, let route):
                hours.append(hour)
                capabilities.append(route.capability.rawValue)
                tasks.append(route.task)
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
        let isOfHour = { (agreement: Agreement) in if case .hour = agreement.scope { true } else { false } }
        let hourly = agreements.filter(isOfHour), certified = agreements.filter { !isOfHour($0) }
        return (hourly.isEmpty ? [] : [AgreementRows(hourly).ofHours])
            + (certified.isEmpty ? [] : [AgreementRows(certified).ofCertificates])
    }

    private var ofHours: SQL {
        let sql: SQL = """
            INSERT INTO winnow.agreement (hour, capability, task, compared, disagreed, agreement, low, high)
            SELECT * FROM unnest(
                \(hours), \(capabilities), \(tasks), \(compared), \(disagreed), \(values), \(lows), \(highs))
            ON CONFLICT (hour, capability, task) DO UPDATE
            SET compared = excluded.compared, disagreed = excluded.disagreed, agreement = excluded.agreement,
                low = excluded.low, high = excluded.high
            """
        return sql.named("keep agreement of hours")
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
