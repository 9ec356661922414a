#!/usr/bin/env bash
# Installs the packages of a list that this machine lacks. Does nothing if all are installed.
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

# The package creates and starts a server of its own. Ours are private, so that one is removed again.
drops_cluster=0
if printf '%s\n' "${missing[@]}" | grep -q '^postgresql-15$' && [ ! -e /etc/postgresql/15/main ]; then drops_cluster=1; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install-packages: needs root or sudo for: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
if [ "$drops_cluster" = 1 ] && [ -e /etc/postgresql/15/main ]; then
    "${as_root[@]}" pg_dropcluster --stop 15 main
fi
