#!/usr/bin/env bash
# Draws a thousand calibration sets from the recorded outputs of the committed models, and shows how often the promise of a
# certificate is broken, beside "best threshold on validation". Ends with 1 when it is broken more often than it may be.
#
#   certify-proof.sh             prints a table, writes .run/certify-proof.svg
#   certify-proof.sh --record    records the outputs anew first, from the labelled files
#
# WINNOW_DATA_DIRECTORY   where the labelled files are (default: ../shared/data)
set -euo pipefail
cd "$(dirname "$0")/../.."
recorded=Tests/CertifyProof/recorded
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-certify.XXXXXX")
trap 'rm -rf "$work"' EXIT

record() {
    local data task name
    data=$(readlink -m "${WINNOW_DATA_DIRECTORY:-../shared/data}")
    [ -d "$data" ] || { echo "certify-proof: no labelled files in $data: set WINNOW_DATA_DIRECTORY" >&2; exit 1; }
    infra/dev/build.sh --product winnow >&2
    for task in semantic-understanding/intent legal-services/clause-type legal-services/unfair-term \
        security-services/payload security-services/prompt-attack software-development/issue-type; do
        name=${task/\//.}
        # 3: no certificate, which is no fault here.
        .build/release/winnow certify --capability "${task%/*}" --task "${task#*/}" --data "$data/$name.val.jsonl.gz" \
            --out "$work/certificates" --record "$work/$name.jsonl" || [ $? = 3 ]
        gzip -9 --no-name <"$work/$name.jsonl" >"$recorded/$name.jsonl.gz"
    done
}

case ${1:-} in
    --record) record ;;
    "") ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
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
