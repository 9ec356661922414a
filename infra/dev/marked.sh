#!/usr/bin/env bash
# Prints the ids of the processes with NAME=value in their environment, except the caller's own.
#
#   marked.sh NAME=value
set -euo pipefail
for environment in /proc/[0-9]*/environ; do
    process=${environment#/proc/} && process=${process%/environ}
    [ "$process" != $$ ] && [ "$process" != "$PPID" ] || continue
    if grep -aqzxF -- "$1" "$environment" 2>/dev/null; then echo "$process"; fi
done
