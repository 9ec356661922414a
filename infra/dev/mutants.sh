#!/usr/bin/env bash
# Breaks the source in small ways, one at a time, and expects a named test to fail for each.
#
#   mutants.sh [--only NAME...] [--check] [--keep]      default: all patches in Tests/Mutants/patches
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 Tests/Mutants/mutants.py "$@"
