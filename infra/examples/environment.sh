#!/usr/bin/env bash
# Creates the private Python environment of requirements.txt in .build/examples and prints its interpreter. Downloads nothing if
# the environment exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
list=infra/examples/requirements.txt
if [ ! -f .build/examples/installed ] || [ "$list" -nt .build/examples/installed ]; then
    python3 -m venv .build/examples
    .build/examples/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$list" >&2
    touch .build/examples/installed
fi
echo "$PWD/.build/examples/bin/python"
