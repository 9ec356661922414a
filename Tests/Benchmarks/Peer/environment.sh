#!/usr/bin/env bash
# Makes the private Python environment of the peer in .build/peer, and prints its interpreter. Asks nothing when it is there.
#
#   environment.sh [--gateway]     with LiteLLM's proxy, from a list of its own
#
# Every package is pinned and has the hash that it must have, so that nothing else is installed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
environment=.build/peer

# install LIST: once, and again when the list has changed.
install() {
    local list=Tests/Benchmarks/Peer/$1 done=$environment/installed.$1
    [ ! -f "$done" ] || [ "$list" -nt "$done" ] || return 0
    [ -x "$environment/bin/python" ] || python3 -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary ":all:" --requirement "$list" >&2
    touch "$done"
}

case ${1:-} in
    "") install requirements.txt ;;
    --gateway) install requirements.txt && install requirements-gateway.txt ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
echo "$PWD/$environment/bin/python"
