#!/usr/bin/env bash
# Pins the images of docker-compose.yml and of the Dockerfile to digests, in .env: asks the registry what each tag of .env.example
# names now. Needs docker with buildx, or skopeo, and a registry that answers; without them nothing is written.
#
#   pin-images.sh [FILE]      default: .env, which must be there
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$here/.env}
[ -f "$file" ] || { echo "pin-images: $file is not there: copy .env.example to it" >&2; exit 1; }

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

# The list of the tag, which names an image for every kind of machine. All are asked for before anything is written.
pins=()
while IFS='=' read -r name image; do
    found=$(digest "$image") || { echo "pin-images: no digest of $image" >&2; exit 1; }
    [[ $found =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "pin-images: the registry names no digest of $image" >&2; exit 1; }
    pins+=("$name=$image@$found")
done < <(sed -n 's/^\(# \)\{0,1\}\([A-Z]*_IMAGE=\)/\2/p' "$here/.env.example")

written=$(mktemp "$file.XXXXXX")
trap 'rm -f "$written"' EXIT
grep -v '^[A-Z]*_IMAGE=' "$file" >"$written" || true
printf '%s\n' "${pins[@]}" >>"$written"
# Into the file as it is, which keeps its owner and mode.
cat "$written" >"$file"
printf '%s\n' "${pins[@]}"
