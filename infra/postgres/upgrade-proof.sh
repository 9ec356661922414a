#!/usr/bin/env bash
# Upgrades a running suite to the next version and rolls it back, with the steps of infra/runbooks/upgrade.md, while requests are
# sent. Every request must get exactly one result, and the sums of the ledger must match its rows.
#
# OLD_BIN   folder of the older executables (default: a build of OLD_REF in a temporary worktree)
# OLD_REF   git ref of the older version (default: the last one of this branch without the newest migration, if its migrations were
#           not edited since, as they were before the baseline was final; else the newer version itself)
# NEW_BIN   folder of the newer executables (default: .build/release)
#
# If both versions have the same migrations, a migration that only adds stands in for the next one.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"
new=$(realpath -ms "${NEW_BIN:-.build/release}")
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-upgrade.XXXXXX")
chmod 755 "$work"
export WINNOW_RUN_DIRECTORY=$work/run
children=()

say() { echo "upgrade-proof: $*" >&2; }
fail() { say "$*" && exit 1; }

finish() {
    local code=$? child
    trap - EXIT INT TERM
    for child in "${children[@]}"; do kill -- "-$child" 2>/dev/null || true; done
    infra/dev/stack.sh down >/dev/null 2>&1 || true
    infra/dev/stack.sh forget >/dev/null 2>&1 || true
    [ ! -d "$work/old" ] || git worktree remove --force "$work/old" || true
    [ "$code" = 0 ] || { say "failed; see the lines above" && tail -n 3 "$work"/load.log "$work"/run/logs/*.log >&2 2>/dev/null || true; }
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_old() {
    local newest ref
    newest=$(git ls-files Shared/PostgresStore/Migrations | tail -n 1)
    ref=${OLD_REF:-$(git log --first-parent --diff-merges=first-parent --diff-filter=A --no-patch --format=%H -1 -- "$newest")^}
    if [ -z "${OLD_REF:-}" ] && ! git diff --quiet --diff-filter=MD "$ref" -- Shared/PostgresStore/Migrations; then
        say "the migrations of $(git rev-parse --short "$ref") were edited since; the newer version is the older one too"
        old=$new
        return
    fi
    say "building $(git rev-parse --short "$ref")"
    git worktree add --quiet --detach "$work/old" "$ref"
    (cd "$work/old" && infra/dev/build.sh >&2)
}

# with BIN COMMAND...: runs a command for the version of these executables, with its models, catalog and topics if they are beside it.
with() {
    local bin=$1 root
    shift
    root=$(realpath -ms "$bin/../..")
    [ -d "$root/infra/models" ] || root=$PWD
    WINNOW_BIN_DIRECTORY=$bin WINNOW_MODELS_DIRECTORY=$root/infra/models WINNOW_CAPABILITIES_DIRECTORY=$root/infra/capabilities \
        WINNOW_TOPICS_FILE=$root/infra/kafka/topics.json "$@"
}

# in_stack COMMAND...: runs a command with the environment of the suite.
in_stack() {
    # shellcheck source=/dev/null
    (set -a && . "$work/run/env" && set +a && WINNOW_ENV_FILE=$work/run/env "$@")
}

# Sends the requests of the demo round after round, each under an id of its own, and awaits their results. One of them is rejected
# on purpose, so submit ends with 4.
load() {
    local round=0
    while [ ! -e "$work/enough" ]; do
        round=$((round + 1))
        sed "s/^{\"id\": \"/&$round-/" infra/demo/requests.jsonl >"$work/round"
        cat "$work/round" >>"$work/sent"
        in_stack "$(cat "$work/client")" submit --file "$work/round" --wait --json --timeout 120 >>"$work/answered" || [ $? = 4 ]
        echo "$round" >"$work/rounds"
    done
}

# Awaits two more rounds: the first may have begun before the step, the second has begun after it.
await_rounds() {
    local last=$(($(cat "$work/rounds") + 2))
    until [ "$(cat "$work/rounds")" -ge "$last" ]; do
        kill -0 "$sender" 2>/dev/null || fail "a round of requests got no results"
        sleep 0.1
    done
    infra/dev/stack.sh status >/dev/null || fail "a service is not ready"
    say "  $(wc -l <"$work/answered") of $(wc -l <"$work/sent") requests answered so far"
}

applied() { in_stack psql -XAt -c "SELECT max(version) FROM winnow.schema_migration"; }

# Only adds, like the first half of every change of the schema: a table, and a column that may be null.
stand_in() {
    in_stack psql -Xq -v ON_ERROR_STOP=1 -1 <<'SQL'
ALTER TABLE winnow.request ADD COLUMN upgrade_proof text;
CREATE TABLE winnow.upgrade_proof (request_id uuid PRIMARY KEY);
INSERT INTO winnow.schema_migration (version, name, checksum)
SELECT max(version) + 1, 'upgrade_proof', 'of no file' FROM winnow.schema_migration;
SQL
}

# Prints every sum and every total that differs from the rows of the ledger, and every request that is still open.
differences() {
    in_stack psql -XAt <<'SQL'
WITH rows AS (
    SELECT tenant_id, capability, task, model, version, kind, count(*) AS calls, sum(items) AS items, sum(input_tokens) AS input,
        sum(output_tokens) AS output, sum(flops) AS flops, sum(cost_pico_usd) AS cost, sum(full_model_cost_pico_usd) AS full_cost
    FROM winnow.attempt GROUP BY 1, 2, 3, 4, 5, 6),
sums AS (
    SELECT tenant_id, capability, task, model, version, kind, sum(calls) AS calls, sum(items) AS items, sum(input_tokens) AS input,
        sum(output_tokens) AS output, sum(flops) AS flops, sum(cost_pico_usd) AS cost, sum(full_model_cost_pico_usd) AS full_cost
    FROM winnow.cost GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(calls) <> 0)
(SELECT 'only in the rows', * FROM (SELECT * FROM rows EXCEPT SELECT * FROM sums) AS r)
UNION ALL (SELECT 'only in the sums', * FROM (SELECT * FROM sums EXCEPT SELECT * FROM rows) AS s);
SELECT 'request', r.event_id, r.state, r.cost_pico_usd, a.cost FROM winnow.request AS r CROSS JOIN LATERAL (
    SELECT coalesce(sum(cost_pico_usd), 0) AS cost FROM winnow.attempt
    WHERE request_id = r.request_id AND kind <> 'shadow') AS a
WHERE r.state = 'open' OR r.cost_pico_usd <> a.cost;
SQL
}

# One result for each request: a record that was delivered again has the same id and content.
count_results() {
    python3 - "$work/sent" "$work/results" <<'PYTHON'
import collections, json, sys
sent = [json.loads(line)["id"] for line in open(sys.argv[1])]
records = [json.loads(line) for line in open(sys.argv[2]) if line.endswith("\n")]
results = collections.defaultdict(set)
for record in records:
    headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
    results[json.loads(record["payload"])["id"]].add((headers["ce_id"], record["payload"]))
none = [event for event in sent if event not in results]
several = [event for event, found in results.items() if len(found) > 1]
strange = [event for event in results if event not in set(sent)]
if none or several or strange:
    sys.exit(f"no result: {none[:5]}; several: {several[:5]}; never sent: {strange[:5]}")
again = len(records) - len(results)
print(f"{len(sent)} requests, {len(results)} results, {again} of them delivered again")
PYTHON
}

[ -x "$new/winnow" ] || fail "$new/winnow is not there: run 'make build' first"
old=$(realpath -ms "${OLD_BIN:-$work/old/.build/release}")
[ -n "${OLD_BIN:-}" ] || build_old

say "starting the older version, and sending requests"
with "$old" infra/dev/stack.sh up >/dev/null
before=$(applied)
# Each in a process group of its own, which `finish` ends as a whole.
set -m
in_stack sh -c 'exec kcat -C -q -u -J -b "$KAFKA_BOOTSTRAP_SERVERS" -t winnow.results.v1 -o beginning' >"$work/results" 2>>"$work/load.log" &
children+=($!)
echo "$old/winnow" >"$work/client"
echo 0 >"$work/rounds"
load 2>>"$work/load.log" &
sender=$!
children+=("$sender")
set +m
await_rounds

say "migrating with the newer version; the older services keep running"
in_stack with "$new" "$new/winnow" migrate >&2
[ "$(applied)" -gt "$before" ] || { say "both versions have the same migrations: a stand-in is applied" && stand_in; }
await_rounds

say "replacing the services one by one"
in_stack with "$new" "$new/winnow" models register >/dev/null
in_stack with "$new" "$new/winnow" catalog apply "$(realpath -ms "$new/../../infra/capabilities")" >/dev/null
with "$new" infra/dev/stack.sh replace
echo "$new/winnow" >"$work/client"
await_rounds

# The older version may not know every member of the newer files.
older=$(realpath -ms "$old/../../infra/capabilities")
[ -d "$older" ] || older=$PWD/infra/capabilities
in_stack with "$new" "$new/winnow" catalog apply "$older" >/dev/null
say "rolling back: the older services on the newer schema $(applied)"
notice=$(in_stack with "$old" "$old/winnow" migrate 2>&1) || fail "the older 'winnow migrate' refuses the newer schema: $notice"
grep -q "the database is newer" <<<"$notice" || fail "the older 'winnow migrate' does not say that the schema is newer"
with "$old" infra/dev/stack.sh replace
echo "$old/winnow" >"$work/client"
await_rounds
doctor=$(in_stack "$old/winnow" doctor) || fail "the older 'winnow doctor' finds a fault: $doctor"
grep -q "the database is newer" <<<"$doctor" || fail "the older 'winnow doctor' does not say that the schema is newer"

touch "$work/enough"
wait "$sender" || fail "a round of requests got no results"
for _ in $(seq 100); do
    summary=$(count_results 2>"$work/counted") && break
    sleep 0.2
done
[ -n "${summary:-}" ] || fail "$(cat "$work/counted")"
found=$(differences)
[ -z "$found" ] || fail "the ledger differs: $found"
say "$summary; every sum of the ledger and every total of a request matches its rows"
