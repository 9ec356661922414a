#!/usr/bin/env bash
# Installs what a list names and this machine lacks; asks nothing when all is there.
#
#   install-packages.sh [LIST]      default: infra/dev/packages.txt
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
list=${1:-$here/packages.txt}
missing=()
while read -r package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done < <(grep -vE '^(#|$)' "$list")
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install-packages: needs root or sudo for: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
