#!/usr/bin/env bash
# A private suite from nothing: answers the requests of infra/demo, shows what they cost, and leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Private means private, whatever servers the shell knows.
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
# 4: every request has its result, and those that are bad on purpose are rejected.
"$bin/winnow" submit --file infra/demo/requests.jsonl --wait --timeout 120 || [ $? = 4 ]
echo
echo "=== What they cost ==="
"$bin/winnow" costs
