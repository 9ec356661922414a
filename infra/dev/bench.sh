#!/usr/bin/env bash
# Measures a private suite from outside, and compares the encoders with ONNX Runtime. See Tests/Benchmarks/README.md.
#
#   bench.sh [--quick] [--no-encoders]     prints tables, and which thresholds are kept; writes .run/bench.json
#
# WINNOW_DATA_DIRECTORY   folder of the labelled files (default: ../shared/data)
# WINNOW_BIN_DIRECTORY    folder of executables to run without a build (default: .build/release, built first)
set -euo pipefail
cd "$(dirname "$0")/../.."
# The suite must not use the servers of the caller's environment.
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"

encoders=1 quick=""
for argument in "$@"; do
    case $argument in
        --quick) quick=--quick encoders=0 ;;
        --no-encoders) encoders=0 ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
    esac
done

data=$(readlink -m "${WINNOW_DATA_DIRECTORY:-../shared/data}")
[ -d "$data" ] || { echo "bench: no labelled files in $data: set WINNOW_DATA_DIRECTORY" >&2; exit 1; }
infra/dev/install-packages.sh
if [ -z "${WINNOW_BIN_DIRECTORY:-}" ]; then
    infra/dev/build.sh
fi
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
# Downloads everything before the measurements begin.
[ "$encoders" = 0 ] || infra/training/environment.sh

run=$(mktemp -d "${TMPDIR:-/tmp}/winnow-bench.XXXXXX")
chmod 755 "$run"
mkdir -p .run
export WINNOW_RUN_DIRECTORY=$run WINNOW_BIN_DIRECTORY=$bin WINNOW_DATA_DIRECTORY=$data OMP_NUM_THREADS=1

finish() {
    local code=$?
    trap - EXIT INT TERM
    infra/dev/stack.sh down || code=1
    if [ "$code" = 0 ]; then
        rm -rf "$run"
    else
        echo "bench: failed (code $code); logs are in $run/logs" >&2
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

infra/dev/stack.sh up >&2
python3 Tests/Benchmarks/suite_bench.py $quick --out .run/bench.json
if [ "$encoders" = 1 ]; then
    # Nothing else may run at the same time.
    infra/dev/stack.sh down
    PYTHONPATH=infra/training infra/training/.venv/bin/python Tests/Benchmarks/encoder_bench.py --out .run/bench.json
fi
python3 Tests/Benchmarks/thresholds.py .run/bench.json
echo "Figures: .run/bench.json"
