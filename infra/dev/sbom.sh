#!/usr/bin/env bash
# Writes software bills of materials to .build/sbom: of the image (image.cdx.json, image.spdx.json) and of the training
# environment (training.cdx.json). debsbom and cyclonedx-py write them as CycloneDX and SPDX.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.build/sbom-tools
out=.build/sbom

if [ infra/dev/requirements-sbom.txt -nt "$tools/installed" ]; then
    python3 -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --no-deps --require-hashes --only-binary ":all:" \
        --requirement infra/dev/requirements-sbom.txt
    touch "$tools/installed"
fi
mkdir -p "$out"
version=$(sed -n 's/.*static let version = "\(.*\)"/\1/p' Shared/Runtime/HTTP/Endpoints.swift)
swift=$(sed -n 's/^ARG SWIFT_IMAGE=swift:\(\S*\)/\1/p' infra/docker/Dockerfile)
# Swift's libraries are linked into the executables, so no package lists them.
infra/dev/check-image.py --packages | "$tools/bin/debsbom" generate --from-pkglist -t cdx -t spdx --validate \
    --distro-name winnow --distro-version "$version" --distro-arch "$(dpkg --print-architecture)" \
    --add-meta-data "swift-static-stdlib=$swift" --out "$out/image" \
    2> >(grep -v "no supplier for" >&2)
"$tools/bin/cyclonedx-py" requirements --output-file "$out/training.cdx.json" infra/training/requirements.txt
ls -l "$out"
