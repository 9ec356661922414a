#!/usr/bin/env bash
# Creates the private Python environment of `requirements.txt` in `.venv`. Does nothing if it exists.
# Every package is pinned by version and hash, so pip installs nothing else.
set -euo pipefail
cd "$(dirname "$0")"

# The build without GPU libraries, which the general package index does not have. The hash is that of the x86-64 wheel that made
# the committed models. Another kind of machine needs the hash of its own wheel here.
torch="torch==2.13.0+cpu --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
if [ ! -f .venv/installed ] || [ requirements.txt -nt .venv/installed ] || [ environment.sh -nt .venv/installed ]; then
    python3 -m venv .venv
    install=(.venv/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary ":all:")
    "${install[@]}" --requirement <(echo "$torch") || {
        echo "environment: pip finds no ${torch%% *} with the right hash: set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to an" \
            "index that has it" >&2
        exit 1
    }
    "${install[@]}" --requirement requirements.txt
    touch .venv/installed
fi
