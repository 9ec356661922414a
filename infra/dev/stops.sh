#!/usr/bin/env bash
# Stops workers while their groups rebalance: every one must end with 0.
#
#   stops.sh [--stops N] [--parallel N] [--seed N]      default: 200 stops in about six minutes
#
# KAFKA_BOOTSTRAP_SERVERS   a cluster to use instead of the embedded broker; its topics must exist
set -euo pipefail
cd "$(dirname "$0")/../.."
swift build >&2
exec python3 Tests/Chaos/stops.py "$@"
