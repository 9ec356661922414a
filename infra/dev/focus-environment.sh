#!/usr/bin/env bash
# Creates the private Python environment of requirements-focus.txt in .build/focus and prints its interpreter. Downloads nothing
# if the environment exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
list=infra/dev/requirements-focus.txt
if [ ! -f .build/focus/installed ] || [ "$list" -nt .build/focus/installed ]; then
    python3 -m venv .build/focus
    .build/focus/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$list" >&2
    touch .build/focus/installed
fi
echo "$PWD/.build/focus/bin/python"
