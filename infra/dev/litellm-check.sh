#!/usr/bin/env bash
# Asks LiteLLM's proxy as an endpoint: labels, texts, JSON and usage of a mock server behind it, and the errors that it passes on: 429, 401.
# Its packages take 400 MB and some minutes to install, so it is no part of `make test`.
# WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release, built first).
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${WINNOW_BIN_DIRECTORY:-}" ] || infra/dev/build.sh
winnow=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")/winnow
python=$(infra/dev/python-environment.sh litellm)
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-litellm.XXXXXX")
pids=()
finish() {
    local code=$?
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    if [ "$code" = 0 ]; then rm -rf "$work"; else echo "litellm-check: failed (code $code); logs are in $work" >&2; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# await PID CONDITION...: waits until the condition holds, and fails if the process ends or ten minutes have passed.
await() {
    local pid=$1 deadline=$((SECONDS + 600))
    shift
    until "$@"; do
        if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
            tail -n 20 "$work"/*.log >&2
            exit 1
        fi
        sleep 0.5
    done
}

python3 Tests/Benchmarks/chat_server.py >"$work/address" 2>"$work/mock.log" &
pids+=($!)
await $! test -s "$work/address"
# A server that knows no key.
python3 -u -c '
import http.server
class Locked(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"{\"error\": {\"message\": \"no such key\", \"code\": \"invalid_api_key\"}}"
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer(("127.0.0.1", 0), Locked)
print(f"http://127.0.0.1:{server.server_port}")
server.serve_forever()' >"$work/locked" 2>"$work/locked.log" &
pids+=($!)
await $! test -s "$work/locked"

cat >"$work/litellm.yaml" <<YAML
model_list:
  - model_name: passed-on
    litellm_params: {model: openai/mock, api_base: "$(cat "$work/address")/v1", api_key: none}
  - model_name: locked
    litellm_params: {model: openai/mock, api_base: "$(cat "$work/locked")/v1", api_key: none}
  - model_name: busy
    litellm_params: {model: openai/mock, api_key: none, mock_response: litellm.RateLimitError}
router_settings: {num_retries: 0}
YAML
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(umask 077 && echo "sk-$(openssl rand -hex 24)" >"$work/key")
LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_MODE=PRODUCTION LITELLM_LOG=ERROR LITELLM_MASTER_KEY=$(cat "$work/key") \
    "$python" "$(dirname "$python")/litellm" --config "$work/litellm.yaml" --host 127.0.0.1 --port "$port" >"$work/litellm.log" 2>&1 &
pids+=($!)
await $! curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:$port/health/liveliness"

# endpoint NAME MODEL: writes the file of an endpoint.
endpoint() {
    echo "{\"baseURL\": \"http://127.0.0.1:$port/v1\", \"model\": \"$2\", \"keyFile\": \"key\"," \
        '"prices": [{"from": "2026-01-01T00:00:00Z", "input": "1", "output": "2"}]}' >"$work/$1.json"
}
endpoint able passed-on
endpoint limited busy
endpoint stranger locked
endpoint lost no-such-model

# expect NAME STATUS CHECK TEXT...: tests the endpoint, and looks for the text of each check.
expect() {
    local name=$1 wanted=$2 status=0 check text
    shift 2
    WINNOW_ENDPOINTS_DIRECTORY=$work "$winnow" models test "$name" --json >"$work/$name.findings" || status=$?
    if [ "$status" != "$wanted" ]; then
        echo "litellm-check: $name ended with $status" >&2
        cat "$work/$name.findings" >&2
        exit 1
    fi
    while [ $# -gt 0 ]; do
        check=$1 text=$2
        shift 2
        python3 -c '
import json, sys
rows = {row["check"]: row["finding"] for row in json.load(open(sys.argv[1]))}
sys.exit(0 if sys.argv[3] in rows.get(sys.argv[2], "") else f"litellm-check: {sys.argv[2]}: {rows.get(sys.argv[2])}")
' "$work/$name.findings" "$check" "$text"
    done
    # The key is shown nowhere.
    if grep -qf "$work/key" "$work/$name.findings"; then exit 1; fi
    echo "litellm-check: $name is as expected"
}
# The mock server chooses any label, answers with an empty object whatever the schema says, and tells no probabilities.
expect able 0 "key" "can be read" "question for a label" ", in " "question for a text" "answered" "question for JSON" "answered" \
    "JSON schema" "not enforced" "probabilities" "left out" "usage" "told: " "cost" "for 3 requests"
expect limited 1 "question for a label" "rate_limited"
expect stranger 1 "question for a label" "unauthorized"
expect lost 1 "question for a label" "not answered"
