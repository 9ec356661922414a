#!/usr/bin/env bash
# Checks the documentation of the shared modules: doc comments and DocC catalogues (Shared/MODULE/MODULE.docc). A link that leads
# nowhere, a described parameter that does not exist, and a public type that no topic of the module's page lists are faults.
# Prints one line a module. Needs only the toolchain.
#
#   docc.sh [BUILD [PAGES]]      BUILD: a finished build, such as .build/release; without it, builds for debugging
#                                PAGES: a folder that receives the pages; without it, they are discarded
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-.build/debug}
[ $# -gt 0 ] || swift build >&2

docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pages=${2:-$work}
mkdir -p "$pages"

# The C modules, which the Swift modules name in what they were built from: those with a map in the tree, and those whose map the
# build has written.
search=()
for map in Shared/C*/module.modulemap; do search+=(-I "${map%/*}"); done
for map in "$build"/C*.build/module.modulemap; do
    [ ! -e "$map" ] || search+=(-Xcc "-fmodule-map-file=$map")
done
mapfile -t libraries < <(sed -n 's/.*pkgConfig: "\(.*\)".*/\1/p' Package.swift)
for flag in $(pkg-config --cflags-only-I "${libraries[@]}"); do search+=(-Xcc "$flag"); done

# Prints the faults of a module; without one, prints nothing.
check() {
    local module=$1 catalogue=Shared/$1/$1.docc graphs=$work/$1/graphs
    [ -f "$catalogue/$module.md" ] || { echo "$catalogue/$module.md does not exist" && return; }
    mkdir -p "$graphs" "$work/$module/all"
    swift symbolgraph-extract -module-name "$module" -I "$build/Modules" "${search[@]}" -target "$(uname -m)-unknown-linux-gnu" \
        -minimum-access-level public -output-dir "$work/$module/all" 2>&1 || { echo "no symbol graph" && return; }
    # What a module adds to types of other modules is in files of its own, and has no page.
    mv "$work/$module/all/$module.symbols.json" "$graphs"
    "$docc" convert "$catalogue" --additional-symbol-graph-dir "$graphs" --diagnostics-file "$work/$module/diagnostics.json" \
        --output-dir "$pages/$module.doccarchive" >"$work/$module/log" 2>&1 ||
        { grep -m 5 "error" "$work/$module/log" || tail -n 5 "$work/$module/log"; }
    infra/dev/check-docc.py "$catalogue/$module.md" "$graphs/$module.symbols.json" "$work/$module/diagnostics.json"
}

failed=0
for folder in Shared/*/; do
    module=$(basename "$folder")
    [ -n "$(find "$folder" -name "*.swift" -print -quit)" ] || continue # a C module
    faults=$(check "$module")
    if [ -z "$faults" ]; then
        echo "ok      $module"
    else
        echo "FAILED  $module"
        printf '%s\n' "$faults" | sed 's/^/        /'
        failed=1
    fi
done
exit "$failed"
