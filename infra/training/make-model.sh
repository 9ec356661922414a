#!/usr/bin/env bash
# Makes a model for one capability from its file and labelled texts, in minutes on two cores:
#
#   make-model.sh capability.json --data FILE --out FOLDER --source NAME --licence NAME [--size small|medium|full]
#
# FILE: JSON Lines, plain or gzipped, {"text", "label"} on each line. FOLDER: the model's folder, which has its name.
set -euo pipefail
training=$(cd "$(dirname "$0")" && pwd)
"$training/environment.sh"
# Keeps freed memory: returning pages and faulting them in again costs more time than the arithmetic.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2 TOKENIZERS_PARALLELISM=false PYTHONHASHSEED=0 PYTHONPATH=$training
exec "$training/.venv/bin/python" -u -m winnow_training.capability "$@"
