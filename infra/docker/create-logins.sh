#!/usr/bin/env bash
# Creates logins, each a member of the role that holds its rights. The migrations give those roles their rights; the roles are
# created here too, for they must exist to have members. A login that is there gets the password.
#
#   create-logins.sh                        all logins of docker-compose.yml, when its database is created
#   create-logins.sh LOGIN ROLE FILE        one, with the password in FILE
#
# The server and its superuser are those of POSTGRES_USER and POSTGRES_DB, or of the PG* variables.
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
