#!/usr/bin/env bash
# Draws a thousand calibration sets from the recorded outputs of the committed models, and shows how often the promise of a
# certificate is broken, compared with "best threshold on validation". Ends with 1 if it is broken more often than allowed.
# Prints a table and writes .run/certify-proof.svg. certify-models.sh records the outputs.
set -euo pipefail
cd "$(dirname "$0")/../.."
recorded=Tests/CertifyProof/recorded
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-certify.XXXXXX")
trap 'rm -rf "$work"' EXIT

for file in "$recorded"/*.jsonl.gz; do
    name=$(basename "$file" .gz)
    gzip --decompress --stdout "$file" >"$work/$name"
done
infra/dev/build.sh --product CertifyProof >&2
mkdir -p .run
code=0
.build/release/CertifyProof .run/certify-proof.svg "$work"/*.*.jsonl || code=$?
echo "Plot: .run/certify-proof.svg"
exit "$code"
