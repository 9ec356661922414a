#!/usr/bin/env bash
# Creates logins, each a member of the role that has its rights. Migrations grant rights to these roles. This script also creates
# the roles, because a login needs an existing role. An existing login gets the new password.
#
#   create-logins.sh                        creates all logins of docker-compose.yml, when its database is created
#   create-logins.sh LOGIN ROLE FILE        creates one login, with the password in FILE
#
# POSTGRES_USER and POSTGRES_DB, or the PG* variables, name the server and its superuser.
set -euo pipefail

create_login() {
    local login=$1 role=$2 password=$3
    psql -X -q -v ON_ERROR_STOP=1 -v login="$login" -v role="$role" -v password="$password" \
        ${POSTGRES_USER:+--username "$POSTGRES_USER"} ${POSTGRES_DB:+--dbname "$POSTGRES_DB"} <<'SQL'
SELECT format('CREATE ROLE %I NOLOGIN', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'login')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'login', :'password') \gexec
SELECT format('GRANT %I TO %I', :'role', :'login') \gexec
SQL
}

if [ $# -eq 3 ]; then
    create_login "$1" "$2" "$(cat "$3")"
    exit
fi
create_login decomposer winnow_decomposer "$DECOMPOSER_DB_PASSWORD"
create_login escalator winnow_escalator "$ESCALATOR_DB_PASSWORD"
create_login aggregator winnow_aggregator "$AGGREGATOR_DB_PASSWORD"
create_login operator winnow_operator "$OPERATOR_DB_PASSWORD"
create_login ops winnow_ops "$OPS_DB_PASSWORD"
