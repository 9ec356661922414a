#!/usr/bin/env bash
# Gives every principal of rights.txt a SCRAM password and its rights. Runs where Kafka's own scripts are, as somebody who may
# administer the cluster; may be repeated, and then sets the passwords anew. It takes no right away.
#
# KAFKA_BOOTSTRAP_SERVERS    a listener on which the administrator is known
# KAFKA_ADMIN_CONFIG         a properties file for it (default: none)
# <PRINCIPAL>_KAFKA_PASSWORD a password for each principal, in capitals with _ for -: letters, digits, '-', '_' and '.'
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
    [[ $password =~ ^[A-Za-z0-9._-]+$ ]] || { echo "grant: $name holds other characters than letters, digits, '-', '_' and '.'" >&2 && exit 1; }
    # In a file, for the command line is seen by everybody on the machine.
    (umask 077 && echo "SCRAM-SHA-256=[password=$password]" >"$work/user")
    "$bin/kafka-configs.sh" "${to[@]}" --alter --entity-type users --entity-name "$principal" --add-config-file "$work/user"
    # One call for each kind of right, since each starts a Java machine.
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
