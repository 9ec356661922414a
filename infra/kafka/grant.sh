#!/usr/bin/env bash
# Gives every principal of rights.txt a SCRAM password and its rights. Needs Kafka's own scripts and an administrator of the
# cluster. Can be repeated, and then sets the passwords again. Never revokes a right.
#
# KAFKA_BOOTSTRAP_SERVERS    a listener that accepts the administrator
# KAFKA_ADMIN_CONFIG         a properties file for it (default: none)
# <PRINCIPAL>_KAFKA_PASSWORD a password for each principal, whose name is in capitals with _ for -. Letters, digits, '-', '_', '.'
set -euo pipefail
rights=${RIGHTS_FILE:-$(dirname "$0")/rights.txt}
bin=${KAFKA_BIN_DIRECTORY:-/opt/kafka/bin}
to=(--bootstrap-server "${KAFKA_BOOTSTRAP_SERVERS:?}")
[ -z "${KAFKA_ADMIN_CONFIG:-}" ] || to+=(--command-config "$KAFKA_ADMIN_CONFIG")

lines=$(grep -v '^#' "$rights")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for principal in $(cut -d ' ' -f 1 <<<"$lines" | sort -u); do
    name=$(tr 'a-z-' 'A-Z_' <<<"$principal")_KAFKA_PASSWORD
    password=${!name:?}
    [[ $password =~ ^[A-Za-z0-9._-]+$ ]] || { echo "grant: $name contains characters other than letters, digits, '-', '_' and '.'" >&2 && exit 1; }
    # The password is passed in a file, because every user of the machine can see command lines.
    (umask 077 && echo "SCRAM-SHA-256=[password=$password]" >"$work/user")
    "$bin/kafka-configs.sh" "${to[@]}" --alter --entity-type users --entity-name "$principal" --add-config-file "$work/user"
    # One call for all rights of a kind, because each call starts a Java virtual machine.
    while read -r operation kind pattern; do
        resources=()
        while read -r resource; do
            if [ "$kind" = cluster ]; then resources+=(--cluster); else resources+=("--$kind" "$resource"); fi
        done < <(grep "^$principal $operation $kind $pattern " <<<"$lines" | cut -d ' ' -f 5)
        "$bin/kafka-acls.sh" "${to[@]}" --add --allow-principal "User:$principal" --operation "$operation" \
            --resource-pattern-type "$pattern" "${resources[@]}" >/dev/null
    done < <(grep "^$principal " <<<"$lines" | cut -d ' ' -f 2-4 | sort -u)
    echo "grant: $principal"
done
