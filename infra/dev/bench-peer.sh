#!/usr/bin/env bash
# Measures Winnow beside a Python system that does the same work, and LiteLLM's proxy; see Tests/Benchmarks/Peer/README.md.
#
#   bench-peer.sh     prints a table, writes .run/bench-peer.json
#
# WINNOW_DATA_DIRECTORY                  where the labelled files are (default: ../shared/data)
# WINNOW_BIN_DIRECTORY                   which executables run, not built here (default: .build/release, built first)
# ROUNDS                                 how often both systems have their turn (default: 3)
# MACHINE_REQUESTS, MIXED_REQUESTS       how many requests to completion (default: 20000, 2000)
# IN_FLIGHT                              how many machine requests are under way at most (default: 2000)
# OPEN_LOOP_RATE, OPEN_LOOP_SECONDS      requests a second, and for how long (default: 200, 20)
# GATEWAY_SECONDS                        how long the proxy is measured; 0 leaves it out (default: 15)
# WINNOW_SHADOW_RATE                     0 takes out Winnow's checks in the background, which the peer does not have
set -euo pipefail
cd "$(dirname "$0")/../.."
# Private means private, whatever servers the shell knows.
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"
[ $# = 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

data=$(readlink -m "${WINNOW_DATA_DIRECTORY:-../shared/data}")
[ -d "$data" ] || { echo "bench-peer: no labelled files in $data: set WINNOW_DATA_DIRECTORY" >&2; exit 1; }
infra/dev/install-packages.sh
if [ -z "${WINNOW_BIN_DIRECTORY:-}" ]; then
    infra/dev/build.sh
fi
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
# What has to be fetched is fetched before anything is measured.
gateway=--gateway
[ "${GATEWAY_SECONDS:-15}" != 0 ] || gateway=""
python=$(Tests/Benchmarks/Peer/environment.sh $gateway)

run=$(mktemp -d "${TMPDIR:-/tmp}/winnow-bench.XXXXXX")
chmod 755 "$run"
mkdir -p .run
export WINNOW_RUN_DIRECTORY=$run WINNOW_BIN_DIRECTORY=$bin WINNOW_DATA_DIRECTORY=$data
export PYTHONPATH=Tests/Benchmarks/Peer:Tests/Benchmarks:infra/training

finish() {
    local code=$?
    trap - EXIT INT TERM
    # Each turn removes its own stack, unless it was killed.
    infra/dev/stack.sh down && infra/dev/stack.sh forget || code=1
    if [ "$code" = 0 ]; then
        rm -rf "$run"
    else
        echo "bench-peer: failed (code $code); logs are in $run" >&2
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$python" -m peer.export 2>"$run/export.log" || { tail "$run/export.log" >&2; exit 1; }
"$python" -m peer.bench --out .run/bench-peer.json
echo "Figures: .run/bench-peer.json"
