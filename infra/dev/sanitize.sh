#!/usr/bin/env bash
# Runs all tests except the end-to-end tests under AddressSanitizer (with leak detection) and ThreadSanitizer.
#
#   sanitize.sh [address|thread]      default: both, one after the other
set -euo pipefail
cd "$(dirname "$0")/../.."
# The end-to-end tests would run executables for minutes at a tenth of their speed. The other tests cover their code.
export LSAN_OPTIONS=suppressions=$PWD/Tests/Sanitizers/leaks.txt
export TSAN_OPTIONS=suppressions=$PWD/Tests/Sanitizers/races.txt
for sanitizer in ${1:-address thread}; do
    echo "Tests under the $sanitizer sanitizer" >&2
    WINNOW_SANITIZE=$sanitizer infra/dev/test.sh --skip EndToEndTests --skip DevBrokerTests
done
