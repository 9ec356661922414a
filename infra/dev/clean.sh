#!/usr/bin/env bash
# Removes build products. Stops a running suite first, because it runs these executables.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/dev/stack.sh down
infra/dev/stack.sh forget
rm -rf .build .run
