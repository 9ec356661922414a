#!/usr/bin/env bash
# Builds every executable with optimization into .build/release. Swift's libraries are linked statically, and a packed relocation
# takes a bit instead of 24 bytes, which makes a process 5 MB smaller.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v swift >/dev/null || { echo "build: Swift 6.3 is not on PATH: see https://www.swift.org/install" >&2; exit 1; }
exec swift build -c release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs "$@"
