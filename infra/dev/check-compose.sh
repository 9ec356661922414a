#!/usr/bin/env bash
# Holds docker-compose.yml against a compose parser, and against what Winnow demands of it. No engine is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
else
    compose=(docker-compose)
fi
resolved=$("${compose[@]}" --env-file .env.example --file docker-compose.yml config)

# A password that was forgotten must stop it, not become an empty one.
if "${compose[@]}" --env-file /dev/null --file docker-compose.yml config >/dev/null 2>&1; then
    echo "check-compose: it is accepted without any password" >&2
    exit 1
fi
/usr/bin/python3 infra/dev/check-compose.py <<<"$resolved"
# With Prometheus' own tool where it is installed.
if command -v promtool >/dev/null; then promtool check config infra/prometheus/prometheus.yml >/dev/null; fi
