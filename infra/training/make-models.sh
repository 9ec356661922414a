#!/usr/bin/env bash
# Rebuilds every artifact of infra/models and the golden files from the data. `--fresh` ignores the cache of earlier runs.
# WINNOW_DATA_DIRECTORY: folder of the data files (default: ../shared/data beside the repository).
set -euo pipefail
cd "$(dirname "$0")/../.."

data=$(readlink -m "${WINNOW_DATA_DIRECTORY:-../shared/data}")
[ -d "$data" ] || { echo "make-models: no data files in $data: set WINNOW_DATA_DIRECTORY" >&2; exit 1; }
export WINNOW_DATA_DIRECTORY=$data
cd infra/training
./environment.sh
# Keeps freed memory: returning pages and faulting them in again costs more time than the arithmetic.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2 TOKENIZERS_PARALLELISM=false PYTHONHASHSEED=0
exec .venv/bin/python -u -m winnow_training "$@"
