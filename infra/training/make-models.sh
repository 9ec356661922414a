#!/usr/bin/env bash
# Rebuilds every artifact of infra/models and the golden files from the data. `--fresh` ignores what earlier runs cached.
# WINNOW_DATA_DIRECTORY: where the data files are (default: ../shared/data beside the repository).
set -euo pipefail
cd "$(dirname "$0")"

./environment.sh
# freed blocks are kept: giving pages back and faulting them in again costs more than the arithmetic
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2 TOKENIZERS_PARALLELISM=false PYTHONHASHSEED=0
exec .venv/bin/python -u -m winnow_training "$@"
