#!/usr/bin/env bash
# Issues new certificates for infra/models, and records their calibration items for `make certify-proof`.
#
# WINNOW_DATA_DIRECTORY   folder of the labelled files (default: ../shared/data)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=$(readlink -m "${WINNOW_DATA_DIRECTORY:-../shared/data}")
[ -d "$data" ] || { echo "certify-models: no labelled files in $data: set WINNOW_DATA_DIRECTORY" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-certify.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Odds below the root of ten are "not worth more than a bare mention" (Jeffreys, Theory of probability, 1961, appendix B).
undecided=0.316

(cd infra/training && WINNOW_DATA_DIRECTORY=$data python3 -m winnow_training.calibration_items "$work") >/dev/null
infra/dev/build.sh --product winnow >&2
rm -f infra/models/*/certificates.jsonl
# Every route of the catalog that has a small model.
mapfile -t tasks < <(python3 - infra/capabilities/*/capability.json <<'PYTHON'
import json, sys
for path in sys.argv[1:]:
    with open(path) as file:
        capability = json.load(file)
    for task in capability["tasks"]:
        if "small" in task["models"]:
            print(f"{capability['name']}/{task['name']}")
PYTHON
)
for task in "${tasks[@]}"; do
    name=${task/\//.}
    items=$work/$name.calibration.jsonl
    [ -f "$items" ] || items=$data/$name.val.jsonl.gz
    # Exit code 3 means that a task gets no certificate, which is not a fault here.
    .build/release/winnow certify --capability "${task%/*}" --task "${task#*/}" --data "$items" --tie-share "$undecided" \
        --out "infra/models/${task%/*}/certificates.jsonl" --record "$work/recorded" || [ $? = 3 ]
    gzip -9 --no-name <"$work/recorded" >"Tests/CertifyProof/recorded/$name.jsonl.gz"
done
