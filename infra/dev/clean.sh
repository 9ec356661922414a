#!/usr/bin/env bash
# Removes what was built. A suite that still runs is stopped first, for it runs what was built.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/dev/stack.sh down
infra/dev/stack.sh forget
rm -rf .build .run
