#!/usr/bin/env bash
# Tests the documentation's checks, checks its links and tables, and runs all its commands against a private suite.
# Arguments: the pages to run (default: all). WINNOW_BIN_DIRECTORY: folder of the executables (default: .build/release).
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/dev/install-packages.sh infra/examples/packages.txt
infra/examples/environment.sh >/dev/null
infra/dev/python-environment.sh llm >/dev/null

(cd Tests/Docs && python3 -m unittest --quiet test_pages)
Tests/Docs/check_docs.py
infra/dev/decomposition-page.py
Tests/Docs/run_docs.py "$@"
