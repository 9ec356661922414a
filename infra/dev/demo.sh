#!/usr/bin/env bash
# Starts a private suite, answers the requests of infra/demo, shows their cost, and stops everything.
set -euo pipefail
cd "$(dirname "$0")/../.."
# The suite must not use the servers of the caller's environment.
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"

infra/dev/build.sh
bin=$(readlink -m .build/release)
run=$(mktemp -d "${TMPDIR:-/tmp}/winnow-demo.XXXXXX")
chmod 755 "$run"
export WINNOW_RUN_DIRECTORY=$run WINNOW_BIN_DIRECTORY=$bin WINNOW_ENV_FILE=$run/env

finish() {
    local code=$?
    trap - EXIT INT TERM
    echo
    echo "Stopping."
    infra/dev/stack.sh down || code=1
    if [ "$code" = 0 ]; then
        rm -rf "$run"
    else
        echo "The demo failed (code $code); its logs are in $run/logs" >&2
        rm -rf "$run/postgres"
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

infra/dev/stack.sh up
echo
echo "=== Requests and their answers ==="
# Exit code 4: every request has its result, and the intentionally invalid ones are rejected.
"$bin/winnow" submit --file infra/demo/requests.jsonl --wait --timeout 120 || [ $? = 4 ]
echo
echo "=== What they cost ==="
"$bin/winnow" costs
