#!/usr/bin/env bash
# Cuts a small model out of a real language model on a private suite, certifies it, sends requests, kills the language model, shows
# what everything has cost, and stops everything. It takes six minutes on two cores, and the first run installs the packages of the
# trainer and of the language model (2 GB).
#
#   demo-llm.sh [SEED]     SEED divides the messages into those that are taught, calibrated and asked (default: 1)
#
# WINNOW_BIN_DIRECTORY   folder of executables to run without a build (default: .build/release, built first)
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${WINNOW_BIN_DIRECTORY:-}" ] || infra/dev/build.sh
python=$(infra/dev/python-environment.sh llm)
PYTHONPATH=infra/dev PYTHONDONTWRITEBYTECODE=1 exec python3 infra/demo/llm.py "$python" "$@"
