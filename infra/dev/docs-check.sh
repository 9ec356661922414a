#!/usr/bin/env bash
# The documentation: its checks are tested, its links and tables compared, and every command of it is run against a private suite.
# Arguments are the pages to run, all unless given. WINNOW_BIN_DIRECTORY: which executables run (default: .build/release).
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/dev/install-packages.sh infra/examples/packages.txt
infra/examples/environment.sh >/dev/null

(cd Tests/Docs && python3 -m unittest --quiet test_pages)
Tests/Docs/check_docs.py
Tests/Docs/run_docs.py "$@"
