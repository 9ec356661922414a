#!/usr/bin/env bash
# Creates the private Python environment of requirements-NAME.txt in .build/NAME and prints its interpreter. Downloads nothing if
# the environment exists.
# Usage: python-environment.sh focus|llm|litellm
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1
list=infra/dev/requirements-$name.txt
if [ ! -f ".build/$name/installed" ] || [ "$list" -nt ".build/$name/installed" ]; then
    python3 -m venv ".build/$name"
    ".build/$name/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$list" >&2
    touch ".build/$name/installed"
fi
echo "$PWD/.build/$name/bin/python"
