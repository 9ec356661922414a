#!/usr/bin/env bash
# Measures how many calls of a model behind HTTP a private suite makes at a time. See Tests/Benchmarks/README.md.
#
#   bench-endpoint.sh [CALLS] [--litellm]      default: 6000 calls, 200 at a time, to a server that takes 500 ms
#
# --litellm    measures LiteLLM's proxy in the same run, before the same server. Installs 400 MB of packages
#
# WINNOW_BIN_DIRECTORY    folder of executables to run without a build (default: .build/release, built first)
set -euo pipefail
cd "$(dirname "$0")/../.."
unset KAFKA_BOOTSTRAP_SERVERS DATABASE_URL DATABASE_URL_FILE "${!PG@}"
calls=6000 delay=500 in_flight=200 options=()
for word in "$@"; do
    case $word in
    --litellm)
        python=$(infra/dev/python-environment.sh litellm)
        options+=(--litellm "$python")
        ;;
    *) calls=$word ;;
    esac
done
[ -n "${WINNOW_BIN_DIRECTORY:-}" ] || infra/dev/build.sh
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
run=$(mktemp -d "${TMPDIR:-/tmp}/winnow-bench.XXXXXX")
chmod 755 "$run"
server=
finish() {
    local code=$?
    trap - EXIT INT TERM
    [ ! -f "$run/pids" ] || infra/dev/stack.sh down || code=1
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    if [ "$code" = 0 ]; then rm -rf "$run"; else echo "bench-endpoint: failed (code $code); logs are in $run/logs" >&2; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 Tests/Benchmarks/chat_server.py --delay-ms "$delay" >"$run/address" &
server=$!
until [ -s "$run/address" ]; do kill -0 "$server"; sleep 0.1; done
address=$(cat "$run/address")

mkdir -p "$run/capabilities/bench" "$run/endpoints"
cat >"$run/capabilities/bench/capability.json" <<JSON
{"name": "bench", "title": "Bench", "description": "Is measured.", "tasks": [
  {"name": "mood", "title": "Mood", "description": "Says how the customer feels.", "unit": "document",
   "output": {"kind": "label", "labels": [{"name": "happy", "description": "Likes it."}, {"name": "angry", "description": "Complains."}]},
   "comparator": "exact", "models": {"full": "endpoint:mock"}}]}
JSON
cat >"$run/endpoints/mock.json" <<JSON
{"baseURL": "$address/v1", "model": "mock", "maxInFlight": $in_flight, "topLogprobs": 0,
 "prices": [{"from": "2026-01-01T00:00:00Z", "input": "1", "output": "1"}]}
JSON
export WINNOW_RUN_DIRECTORY=$run WINNOW_BIN_DIRECTORY=$bin
export WINNOW_CAPABILITIES_DIRECTORY=$run/capabilities WINNOW_ENDPOINTS_DIRECTORY=$run/endpoints
infra/dev/stack.sh up >&2
mkdir -p .run
python3 Tests/Benchmarks/endpoint_bench.py "$address" "$delay" "$calls" --in-flight "$in_flight" "${options[@]}" --out .run/bench-endpoint.json
