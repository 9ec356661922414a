#!/usr/bin/env bash
# Pins the images of docker-compose.yml and of the Dockerfile to digests in .env. Asks the registry for the current digest of each
# tag in .env.example. Needs docker with buildx, or skopeo, and access to the registry; otherwise writes nothing.
#
#   pin-images.sh [FILE]      default: .env, which must exist
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$here/.env}
[ -f "$file" ] || { echo "pin-images: $file does not exist: copy .env.example to it" >&2; exit 1; }

digest() {
    if docker buildx version >/dev/null 2>&1; then
        docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1"
    elif command -v skopeo >/dev/null; then
        skopeo inspect --format '{{.Digest}}' "docker://$1"
    else
        echo "pin-images: needs docker with buildx, or skopeo" >&2
        return 1
    fi
}

# Uses the digest of the tag's index, which covers every kind of machine. Gets all digests before it writes anything.
pins=()
while IFS='=' read -r name image; do
    found=$(digest "$image") || { echo "pin-images: the registry returned no digest for $image" >&2; exit 1; }
    [[ $found =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "pin-images: the registry returned no valid digest for $image" >&2; exit 1; }
    pins+=("$name=$image@$found")
done < <(sed -n 's/^\(# \)\{0,1\}\([A-Z]*_IMAGE=\)/\2/p' "$here/.env.example")

written=$(mktemp "$file.XXXXXX")
trap 'rm -f "$written"' EXIT
grep -v '^[A-Z]*_IMAGE=' "$file" >"$written" || true
printf '%s\n' "${pins[@]}" >>"$written"
# Writes into the existing file, which keeps its owner and mode.
cat "$written" >"$file"
printf '%s\n' "${pins[@]}"
