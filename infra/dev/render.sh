#!/usr/bin/env bash
# Writes the parts of deployment files that follow from infra/capabilities. A test fails if they differ.
# WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release).
set -euo pipefail
cd "$(dirname "$0")/../.."
# The replicas of kubernetes follow the partitions, so the topics come first.
for target in topics rights compose environment prometheus kubernetes; do
    "${WINNOW_BIN_DIRECTORY:-.build/release}/winnow" catalog render "$target" --write
done
