#!/usr/bin/env bash
# Runs once, when the database is created: one login a service, each a member of the role that holds its rights.
# The migrations give those roles their rights; the roles are created here too, for they must exist to have members.
set -euo pipefail

create_login() {
    local login=$1 role=$2 password=$3
    psql -X -v ON_ERROR_STOP=1 -v login="$login" -v role="$role" -v password="$password" \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
SELECT format('CREATE ROLE %I NOLOGIN', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L IN ROLE %I', :'login', :'password', :'role') \gexec
SQL
}

create_login decomposer winnow_decomposer "$DECOMPOSER_DB_PASSWORD"
create_login escalator winnow_escalator "$ESCALATOR_DB_PASSWORD"
create_login aggregator winnow_aggregator "$AGGREGATOR_DB_PASSWORD"
create_login operator winnow_operator "$OPERATOR_DB_PASSWORD"
