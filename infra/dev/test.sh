#!/usr/bin/env bash
# All tests, with a private Postgres. Arguments go to `swift test`, as in: test.sh --filter RuntimeTests
# KAFKA_BOOTSTRAP_SERVERS: a cluster that the broker-facing tests use instead of the embedded one.
# DATABASE_URL, PGHOST: a server that the tests use instead of a private one.
set -euo pipefail
cd "$(dirname "$0")/../.."
export OMP_NUM_THREADS=1

# WINNOW_SANITIZE: address or thread, in a build folder of its own.
build=()
[ -z "${WINNOW_SANITIZE:-}" ] || build=(--sanitize "$WINNOW_SANITIZE" --scratch-path ".build/$WINNOW_SANITIZE")

# By which the test of the FOCUS export checks it.
if WINNOW_FOCUS_PYTHON=$(infra/dev/focus-environment.sh); then
    export WINNOW_FOCUS_PYTHON
else
    echo "No validator of the FOCUS export: its test will fail" >&2
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
    # With our id, so that it stops even when this script is killed.
    lines=$(infra/postgres/cluster.sh start "$work/postgres" --parent $$ --remove)
    while read -r line; do export "${line?}"; done <<<"$lines"
fi

code=0
# Whatever a test starts carries this mark, so that what a test that died has left can be found, and only that.
export WINNOW_TEST_RUN=$work
swift test --skip-build --disable-xctest "${build[@]}" "$@" 2>&1 | tee "$work/output" || code=$?
for _ in $(seq 20); do
    # Servers that watch their test process need a moment to see that it has ended.
    left=$(infra/dev/marked.sh "WINNOW_TEST_RUN=$work")
    [ -n "$left" ] || break
    sleep 0.5
done
for process in $left; do
    echo "A test has left behind: $(tr '\0' ' ' <"/proc/$process/cmdline")" >&2
    kill -KILL "$process" 2>/dev/null || true
    code=1
done
# The short form of `make chaos`; a run that was asked for some tests only does without.
if [ $# -eq 0 ] && [ "$code" = 0 ]; then
    (unset DATABASE_URL "${!PG@}" && python3 Tests/Chaos/chaos.py --faults 20 --requests 240 --seconds 75) || code=1
fi
echo
# The failures again, for in the stream above they scroll away; then the runner's own closing lines.
grep -a '^✘' "$work/output" | grep -av '^✘ Test run' || true
grep -aE "^. Test run (with|passed|failed)" "$work/output" || { echo "No test ran." && code=1; }
echo "Built in $built s, tested in $((SECONDS - built)) s."
exit "$code"
