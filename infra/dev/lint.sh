#!/usr/bin/env bash
# Format, length of files, scripts, compose file, image, capabilities, documentation. Every check runs; the exit code says whether
# all were clean.
#
#   lint.sh [--sources]     --sources: only the checks that need nothing but Swift, as continuous integration runs them
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "${1:-}" = --sources ] || infra/dev/install-packages.sh infra/dev/packages-lint.txt

failed=0
check() {
    local name=$1
    shift
    if "$@"; then echo "ok      $name"; else echo "FAILED  $name" && failed=1; fi
}

# Prints files of more than 300 lines.
at_most_300_lines() {
    find Package.swift Services Shared Tests -name '*.swift' -print0 | xargs -0 wc -l | awk '$2 != "total" && $1 > 300 { print; long = 1 } END { exit long }'
}

check "Swift format" swift format lint --strict --recursive --parallel Package.swift Services Shared Tests
check "length of Swift files" at_most_300_lines
[ "${1:-}" != --sources ] || exit "$failed"

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
check "shell scripts" shellcheck --severity=warning "${scripts[@]}"
check "compose file" infra/dev/check-compose.sh
check "image context" infra/dev/check-image.py
check "mutations apply" infra/dev/mutants.sh --check
check "schema of capabilities" /usr/bin/python3 Tests/CatalogFileTests/check_examples.py
check "documentation" Tests/Docs/check_docs.py
exit "$failed"
