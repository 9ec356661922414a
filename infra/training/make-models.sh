#!/usr/bin/env bash
# Rebuilds every artifact of infra/models and the golden files from the data. `--fresh` ignores what earlier runs cached.
# WINNOW_DATA_DIRECTORY: where the data files are (default: ../shared/data beside the repository).
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
# freed blocks are kept: giving pages back and faulting them in again costs more than the arithmetic
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
export OMP_NUM_THREADS=2 TOKENIZERS_PARALLELISM=false PYTHONHASHSEED=0
exec .venv/bin/python -u -m winnow_training "$@"
