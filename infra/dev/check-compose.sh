#!/usr/bin/env bash
# Checks docker-compose.yml with a compose parser and against Winnow's own rules. Needs no container engine.
set -euo pipefail
cd "$(dirname "$0")/../.."

if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
else
    compose=(docker-compose)
fi
resolved=$("${compose[@]}" --env-file .env.example --file docker-compose.yml config)

# A missing password must be an error, not an empty password.
if "${compose[@]}" --env-file /dev/null --file docker-compose.yml config >/dev/null 2>&1; then
    echo "check-compose: the file is accepted without passwords" >&2
    exit 1
fi
/usr/bin/python3 infra/dev/check-compose.py <<<"$resolved"
# Prometheus' own tool checks the rules if it is installed.
if command -v promtool >/dev/null; then promtool check config infra/prometheus/prometheus.yml >/dev/null; fi
