#!/usr/bin/env bash
# Kills and restarts every part of a private suite under load, and checks that nothing was lost or doubled.
#
#   chaos.sh [--seed N] [--faults N] [--requests N] [--seconds N] [--keep]      default: 200 faults in about 13 minutes
#
# KAFKA_BOOTSTRAP_SERVERS   a cluster to use instead of the embedded broker; the script creates its topics
# CHAOS_BROKER_RESTART      the command that restarts a broker of that cluster. It gets these variables:
#                           CHAOS_BROKER_KILLS (1: kill, 0: graceful stop), CHAOS_BROKER_AWAY_SECONDS (time until the start)
set -euo pipefail
cd "$(dirname "$0")/../.."
(cd Tests/Chaos && python3 -m unittest --quiet test_load)
# Only debug builds contain fault points.
swift build >&2
exec python3 Tests/Chaos/chaos.py "$@"
