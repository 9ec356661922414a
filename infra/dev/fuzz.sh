#!/usr/bin/env bash
# Fuzzes the parsers of external input with libFuzzer under AddressSanitizer.
#
#   fuzz.sh [SECONDS]      for each target (default: 60)
#
# Keeps inputs that reach new code in .build/fuzz-corpus. Keeps and names an input that crashes a target in .build/fuzz-faults.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
export WINNOW_FUZZ=1
targets=(JSONFuzz CloudEventFuzz ArtifactFuzz TokenizerFuzz)
for target in "${targets[@]}"; do
    # Clang instruments for libFuzzer by default; the Swift compiler needs an option.
    swift build --scratch-path .build/fuzz --sanitize fuzzer --sanitize address --product "$target" \
        -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table >&2
done
mkdir -p .build/fuzz-faults
code=0
for target in "${targets[@]}"; do
    mkdir -p ".build/fuzz-corpus/$target"
    log=.build/fuzz-faults/$target.log
    if .build/fuzz/debug/"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix=.build/fuzz-faults/"$target"- ".build/fuzz-corpus/$target" "Tests/Fuzz/Corpus/$target" >"$log" 2>&1
    then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok      $target: $runs inputs, $(find ".build/fuzz-corpus/$target" -type f | wc -l) kept"
    else
        echo "FAULT   $target:" && tail -n 30 "$log" && code=1
    fi
done
exit "$code"
