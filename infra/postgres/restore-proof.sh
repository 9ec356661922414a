#!/usr/bin/env bash
# Backs up the database of a running suite and restores it on another server, with the steps of infra/runbooks/backup.md. Then
# starts the services on the copy and compares their answers.
#
# WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
export WINNOW_BIN_DIRECTORY=$bin
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-restore.XXXXXX")
chmod 755 "$work"
requests=infra/demo/requests.jsonl

finish() {
    local code=$?
    trap - EXIT INT TERM
    for run in first second; do WINNOW_RUN_DIRECTORY=$work/$run infra/dev/stack.sh down >/dev/null 2>&1 || true; done
    WINNOW_RUN_DIRECTORY=$work/first infra/dev/stack.sh forget >/dev/null 2>&1 || true
    infra/postgres/cluster.sh stop "$work/copy" --remove >/dev/null 2>&1 || true
    [ "$code" = 0 ] || echo "restore-proof: failed; see the lines above" >&2
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "restore-proof: $*" >&2; }

# in_stack RUN COMMAND...: runs a command with the environment of a stack.
in_stack() {
    local run=$1
    shift
    # shellcheck source=/dev/null
    (set -a && . "$work/$run/env" && set +a && WINNOW_ENV_FILE=$work/$run/env "$@")
}

# One of the requests is rejected on purpose, so submit ends with 4.
ask() { { in_stack "$1" "$bin/winnow" submit --file "$requests" --wait --json --timeout 120 || [ $? = 4 ]; } | sort; }

ledger() {
    psql -XAt -c "SELECT kind, capability, task, sum(calls), sum(cost_pico_usd) FROM winnow.cost GROUP BY 1, 2, 3 ORDER BY 1, 2, 3" \
        -c "SELECT state, count(*), sum(cost_pico_usd) FROM winnow.request GROUP BY 1 ORDER BY 1"
}

say "starting a suite and sending requests"
WINNOW_RUN_DIRECTORY=$work/first infra/dev/stack.sh up >/dev/null
ask first >"$work/answers"
in_stack first ledger >"$work/ledger"

say "dumping its database while it runs"
in_stack first pg_dumpall --globals-only --no-role-passwords >"$work/globals.sql"
in_stack first pg_dump --format=custom --file="$work/winnow.dump"
WINNOW_RUN_DIRECTORY=$work/first infra/dev/stack.sh down

say "restoring the dump on another server"
infra/postgres/cluster.sh start "$work/copy" >"$work/copy.env"
(
    # shellcheck source=/dev/null
    set -a && . "$work/copy.env" && set +a
    psql -Xq -f "$work/globals.sql" postgres >/dev/null 2>&1 || true
    pg_restore --exit-on-error --no-owner --dbname="$PGDATABASE" "$work/winnow.dump"
    psql -Xq -v ON_ERROR_STOP=1 -c 'SELECT winnow.grant_roles()' >/dev/null
    ledger >"$work/ledger-of-copy"
)
diff "$work/ledger" "$work/ledger-of-copy" || { say "the ledger differs"; exit 1; }

say "starting services on the copy"
password=$(cat "$work/copy/password")
port=$(sed -n 's/^PGPORT=//p' "$work/copy.env")
DATABASE_URL="postgres://winnow:$password@127.0.0.1:$port/winnow" \
    WINNOW_RUN_DIRECTORY=$work/second infra/dev/stack.sh up >/dev/null
ask second >"$work/answers-of-copy"
diff "$work/answers" "$work/answers-of-copy" || { say "the answers differ"; exit 1; }
echo '{"id": "after the restore", "steps": [{"capability": "security-services", "task": "payload", "items": ["barcelona"]}]}' \
    | in_stack second "$bin/winnow" submit --wait --json | grep -q '"status":"completed"' || { say "a new request is not answered"; exit 1; }
say "the ledger and all $(wc -l <"$work/answers") answers are the same, and a new request is answered"
