#!/usr/bin/env bash
# Measures queries over a month of 100 million calls. Writes the sums of such a month into a private Postgres, and a million calls
# through the ledger itself, and shows plans and times of the queries. Ends with 1 if a sum is wrong. The reader judges the times.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-ledger.XXXXXX")
chmod 755 "$work"
trap 'infra/postgres/cluster.sh stop "$work/postgres" --remove >/dev/null; rm -rf "$work"' EXIT
lines=$(infra/postgres/cluster.sh start "$work/postgres" --parent $$ --remove)
while read -r line; do export "${line?}"; done <<<"$lines"
psql() { command psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }

cat Shared/PostgresStore/Migrations/V*.sql >"$work/schema.sql"
psql --single-transaction --command "CREATE SCHEMA winnow; CREATE TABLE winnow.schema_migration ()" --file "$work/schema.sql" \
    >"$work/schema.log" 2>&1 || { cat "$work/schema.log" >&2; exit 1; }

echo "A million calls through the ledger, 100 in each statement like services, without and with its sums:"
# The tasks of the catalog, and the kinds of call of each task.
tasks=$(python3 - infra/capabilities/*/capability.json <<'PYTHON'
import json, sys
for path in sys.argv[1:]:
    with open(path) as file:
        capability = json.load(file)
    print(*(f"('{capability['name']}', '{task['name']}')," for task in capability["tasks"]))
PYTHON
)
psql --variable tasks="$tasks" <<'SQL'
CREATE TABLE keys AS
SELECT t.capability, t.task, 'tenant-' || n AS tenant_id, m.model, '1.0.0' AS version, m.kind::winnow.attempt_kind
FROM (VALUES :tasks ('decomposition', 'route')) AS t (capability, task)
CROSS JOIN generate_series(1, 10) AS n
CROSS JOIN LATERAL (VALUES ('small', 'worker'), ('full', 'full')) AS m (model, kind);
ALTER TABLE keys ADD COLUMN id serial;
CREATE PROCEDURE write(batches integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR batch IN 1..batches LOOP
        INSERT INTO winnow.attempt (request_id, started_at, settled_at, duration_us, input_tokens, output_tokens, flops,
            cost_pico_usd, full_model_input_tokens, full_model_output_tokens, full_model_flops, full_model_cost_pico_usd, kind,
            state, items, step_ordinal, number, tenant_id, capability, task, model, version)
        SELECT gen_random_uuid(), now(), now(), 100, 20, 0, 1000000, 40, 20, 0, 20000000, 800, k.kind, 'settled', 1, 0, 1,
            k.tenant_id, k.capability, k.task, k.model, k.version
        FROM generate_series(1, 100) AS s JOIN keys AS k ON k.id = 1 + (batch * 7 + s % 8) % 140;
        COMMIT;
    END LOOP;
END
$$;
SQL
for sums in DISABLE ENABLE; do
    psql --command "ALTER TABLE winnow.attempt $sums TRIGGER attempt_counted"
    start=$(date +%s%N)
    psql --command "CALL write(5000)"
    echo "  $sums: $(( ($(date +%s%N) - start) / 1000000 )) ms for 500,000 calls"
done
counted=$(psql --command "SELECT sum(calls) = 500000 AND sum(cost_pico_usd) = 20000000 FROM winnow.cost")

echo "The sums of a month of 100 million calls:"
psql <<'SQL'
TRUNCATE winnow.attempt, winnow.cost_hour, winnow.cost_day, winnow.cost_series;
INSERT INTO winnow.cost_series (kind, tenant_id, capability, task, model, version)
SELECT kind, tenant_id, capability, task, model, version FROM keys;
INSERT INTO winnow.cost_hour (hour, series_id, shard, calls, lost_calls, items,
    input_tokens, output_tokens, flops, cost_pico_usd, full_model_input_tokens, full_model_output_tokens, full_model_flops,
    full_model_cost_pico_usd, full_model_once_cost_pico_usd, duration_us, guessed_items, agreed_items)
SELECT h, series_id, 4242, 992, 1, 1500, 30000, 0, 60000000000, 60000, 30000, 0,
    1200000000000, 1200000, 1200000, 992000, 0, 0
FROM generate_series(date_trunc('month', now(), 'UTC') - interval '1 month', date_trunc('month', now(), 'UTC') - interval '1 month'
    + interval '719 hours', '1 hour') AS h CROSS JOIN winnow.cost_series;
SELECT '  ' || winnow.fold_costs() || ' sums folded';
VACUUM ANALYZE winnow.cost_hour, winnow.cost_day, winnow.cost_series;
SQL
ask() {
    echo
    echo "$1"
    # Runs once to warm the caches, like a dashboard that repeats the query every minute.
    psql --command "$1" >/dev/null
    psql --command "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) $1" | sed -n 's/^/    /p' | grep -E "Scan|Aggregate|Execution Time|Buffers: shared"
}
month="date_trunc('month', now(), 'UTC') - interval '1 month'"
ask "SELECT * FROM ops.savings"
ask "SELECT * FROM ops.savings_total"
ask "SELECT capability, task, sum(calls), sum(cost_usd), sum(full_model_cost_usd) FROM ops.daily_cost GROUP BY 1, 2"
ask "SELECT \"SubAccountId\", sum(\"BilledCost\"), sum(\"x_CounterfactualCost\") FROM ops.focus_cost GROUP BY 1"
ask "SELECT * FROM ops.capability_use"
ask "SELECT capability, sum(cost_usd) FROM ops.capability_cost GROUP BY 1"
ask "SELECT capability, task, sum(calls), sum(cost_usd) FROM ops.capability_cost WHERE tenant = 'tenant-7' GROUP BY 1, 2"
ask "SELECT * FROM ops.capability_cost WHERE hour >= $month + interval '7 days' AND hour < $month + interval '8 days'"
echo
total=$(psql --command "SELECT sum(calls) FROM ops.daily_cost")
echo "$total calls; the sums include the million: $counted"
[ "$counted" = t ] && [ "$total" = $((720 * 140 * 992)) ]
