#!/usr/bin/env bash
# Takes a task that Winnow has never seen through its whole life on a private suite: one file in force, a small model cut from the
# answers of a language model, its certificate, a drift that revokes it, another router, and a broker that is killed. Then it
# compares results, calls and costs with what a reader of the topics and the language model have seen: Tests/Stranger/README.md.
#
# WINNOW_BIN_DIRECTORY   folder of executables to run without a build (default: .build/release, built first)
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${WINNOW_BIN_DIRECTORY:-}" ] || infra/dev/build.sh
infra/dev/install-packages.sh infra/examples/packages.txt
PYTHONPATH=infra/dev:Tests/Benchmarks PYTHONDONTWRITEBYTECODE=1 exec python3 Tests/Stranger/stranger.py
