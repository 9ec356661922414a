#!/usr/bin/env bash
# All tests but those of whole processes, under AddressSanitizer (with leaks) and ThreadSanitizer.
#
#   sanitize.sh [address|thread]      default: one after the other
set -euo pipefail
cd "$(dirname "$0")/../.."
# The end-to-end tests run executables for minutes at a tenth of their speed; what those are made of is tested here.
export LSAN_OPTIONS=suppressions=$PWD/Tests/Sanitizers/leaks.txt
export TSAN_OPTIONS=suppressions=$PWD/Tests/Sanitizers/races.txt
for sanitizer in ${1:-address thread}; do
    echo "Tests under the $sanitizer sanitizer" >&2
    WINNOW_SANITIZE=$sanitizer infra/dev/test.sh --skip EndToEndTests --skip DevBrokerTests
done
