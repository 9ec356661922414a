#!/usr/bin/env bash
# Writes a software bill of materials to .build/sbom: of the image (image.cdx.json, image.spdx.json) and of the environment that
# models are trained in (training.cdx.json). CycloneDX and SPDX, by debsbom and cyclonedx-py.
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
# Swift's libraries are part of the executables, so that no package names them.
infra/dev/check-image.py --packages | "$tools/bin/debsbom" generate --from-pkglist -t cdx -t spdx --validate \
    --distro-name winnow --distro-version "$version" --distro-arch "$(dpkg --print-architecture)" \
    --add-meta-data "swift-static-stdlib=$swift" --out "$out/image" \
    2> >(grep -v "no supplier for" >&2)
"$tools/bin/cyclonedx-py" requirements --output-file "$out/training.cdx.json" infra/training/requirements.txt
ls -l "$out"
