#!/usr/bin/env bash
# Runs all tests with a private Postgres. Arguments go to `swift test`, as in: test.sh --filter RuntimeTests
# KAFKA_BOOTSTRAP_SERVERS: a cluster for the broker-facing tests, instead of the embedded broker.
# DATABASE_URL, PGHOST: a server for the tests, instead of a private one.
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1

# WINNOW_SANITIZE: address or thread; the build then uses a separate folder.
build=()
[ -z "${WINNOW_SANITIZE:-}" ] || build=(--sanitize "$WINNOW_SANITIZE" --scratch-path ".build/$WINNOW_SANITIZE")

# The test of the FOCUS export uses this validator.
if WINNOW_FOCUS_PYTHON=$(infra/dev/python-environment.sh focus); then
    export WINNOW_FOCUS_PYTHON
else
    echo "No validator of the FOCUS export: its test will fail" >&2
fi
# The tests with a language model run its server with this Python.
if WINNOW_LLM_PYTHON=$(infra/dev/python-environment.sh llm); then
    export WINNOW_LLM_PYTHON
else
    echo "No language model: its tests will fail" >&2
fi

echo "Building services and tests" >&2
swift build --build-tests "${build[@]}"
built=$SECONDS

work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-test.XXXXXX")
chmod 755 "$work"
finish() {
    local code=$?
    trap - EXIT INT TERM
    [ ! -d "$work/postgres" ] || infra/postgres/cluster.sh stop "$work/postgres" --remove || code=1
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${DATABASE_URL:-}${PGHOST:-}" ]; then
    # The server watches our process id, so it stops even if this script is killed.
    lines=$(infra/postgres/cluster.sh start "$work/postgres" --parent $$ --remove)
    while read -r line; do export "${line?}"; done <<<"$lines"
fi

code=0
# Every process that a test starts has this mark, so the script can find exactly the processes that a crashed test left behind.
export WINNOW_TEST_RUN=$work
swift test --skip-build --disable-xctest "${build[@]}" "$@" 2>&1 | tee "$work/output" || code=$?
for _ in $(seq 20); do
    # Servers that watch their test process need a moment to notice its end.
    left=$(infra/dev/marked.sh "WINNOW_TEST_RUN=$work")
    [ -n "$left" ] || break
    sleep 0.5
done
for process in $left; do
    echo "A test left this process behind: $(tr '\0' ' ' <"/proc/$process/cmdline")" >&2
    kill -KILL "$process" 2>/dev/null || true
    code=1
done
# The short form of `make chaos`, unless arguments select tests.
if [ $# -eq 0 ] && [ "$code" = 0 ]; then
    (unset DATABASE_URL "${!PG@}" && python3 Tests/Chaos/chaos.py --faults 20 --requests 240 --seconds 75) || code=1
fi
echo
# Repeats the failures, which have scrolled away, and the runner's final lines.
grep -a '^✘' "$work/output" | grep -av '^✘ Test run' || true
grep -aE "^. Test run (with|passed|failed)" "$work/output" || { echo "No test ran." && code=1; }
echo "Built in $built s, tested in $((SECONDS - built)) s."
exit "$code"
