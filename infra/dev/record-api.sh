#!/usr/bin/env bash
# Records the public declarations of the modules that other programs may use, which a test compares with the sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
WINNOW_RECORD_API=1 infra/dev/test.sh --filter PublicAPITests
git diff --stat -- Tests/ArchitectureTests/PublicAPI
