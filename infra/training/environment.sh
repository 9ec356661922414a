#!/usr/bin/env bash
# Makes the private Python environment of `requirements.txt` in `.venv`; asks nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")"

torch=2.13.0+cpu
if [ ! -f .venv/installed ] || [ requirements.txt -nt .venv/installed ]; then
    python3 -m venv .venv
    # every need is pinned in the file, so that nothing else is drawn in
    .venv/bin/python -m pip install --quiet --no-deps "torch==$torch"
    .venv/bin/python -m pip install --quiet --no-deps -r requirements.txt
    touch .venv/installed
fi
