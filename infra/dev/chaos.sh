#!/usr/bin/env bash
# Kills and restarts every part of a private suite under load, and checks that nothing was lost or doubled.
#
#   chaos.sh [--seed N] [--faults N] [--requests N] [--seconds N] [--keep]      default: 200 faults in about 13 minutes
#
# KAFKA_BOOTSTRAP_SERVERS   a cluster to use instead of the embedded broker; its topics are created
# CHAOS_BROKER_RESTART      the command that restarts a broker of that cluster; its environment says how:
#                           CHAOS_BROKER_KILLS (1 by kill, 0 gracefully), CHAOS_BROKER_AWAY_SECONDS (until it is up again)
set -euo pipefail
cd "$(dirname "$0")/../.."
# Fault points are compiled into debug builds only.
swift build >&2
exec python3 Tests/Chaos/chaos.py "$@"
