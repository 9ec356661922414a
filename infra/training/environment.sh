#!/usr/bin/env bash
# Makes the private Python environment of `requirements.txt` in `.venv`; asks nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")"

torch=2.13.0+cpu
if [ ! -f .venv/installed ] || [ requirements.txt -nt .venv/installed ] || [ environment.sh -nt .venv/installed ]; then
    python3 -m venv .venv
    # every need is pinned in the file, so that nothing else is drawn in
    .venv/bin/python -m pip install --quiet --no-deps "torch==$torch" || {
        echo "environment: pip finds no torch $torch, the build without GPU libraries: let PIP_EXTRA_INDEX_URL or" \
            "PIP_FIND_LINKS name a place that has it" >&2
        exit 1
    }
    .venv/bin/python -m pip install --quiet --no-deps -r requirements.txt
    touch .venv/installed
fi
