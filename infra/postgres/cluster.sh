#!/usr/bin/env bash
# Manages a private PostgreSQL cluster in one directory, for development and tests.
#
#   cluster.sh start DIR [--port PORT] [--parent PID] [--remove] [--clock SECONDS]
#   cluster.sh stop DIR [--remove]
#   cluster.sh status DIR
#
# `start` prints the environment of a client as KEY=value lines. Only this user can reach the unix socket in DIR, which needs no
# password. Loopback TCP needs the password in DIR/password (PGPASSWORD_FILE). With --parent the cluster stops when that process
# ends, and with --remove DIR is deleted too. With --clock the server's clock is SECONDS ahead of the machine's (behind, if
# negative), at this start and every later one. This uses libfaketime and is only for tests. PostgreSQL refuses to run as root,
# so root runs it as the user in WINNOW_POSTGRES_USER (default postgres).
set -euo pipefail

fail() { echo "cluster.sh: $*" >&2; exit 1; }

bindir() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(pg_config --bindir 2>/dev/null) || true
    [ -n "$found" ] && [ -x "$found/initdb" ] || fail "no PostgreSQL server found: install postgresql"
    echo "$found"
}

# Runs a command as the user that owns the cluster, without the caller's PG* variables.
owned() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"
    else
        env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"
    fi
}

# For processes that outlive this script. They must not inherit its descriptors: a caller that waits for the end of these
# descriptors would wait for the server.
close_descriptors() {
    local fd
    for fd in /proc/self/fd/*; do
        [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
    done
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Chooses a port below the kernel's range for connections, which stay in use for a minute after their end.
free_port() {
    local port try
    for try in $(seq 50); do
        port=$((15000 + RANDOM % 17000))
        is_taken "$port" || { echo "$port"; return; }
    done
    fail "no free port found"
}

create() {
    owned "$bin/initdb" --pgdata="$dir/data" --username=postgres --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --pwfile="$dir/password" --no-sync >"$dir/initdb.log" 2>&1 \
        || fail "initdb failed, see $dir/initdb.log"
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/socket'
unix_socket_permissions = 0700
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
jit = off
log_line_prefix = '%m [%p] '
CONF
}

start() {
    mkdir -p "$dir" && chmod 755 "$dir"
    mkdir -p "$dir/socket" && chmod 700 "$dir/socket"
    if [ ! -f "$dir/password" ]; then
        (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '/+=\n' >"$dir/password")
    fi
    [ "$(id -u)" != 0 ] || chown -R "$owner" "$dir"
    [ -f "$dir/data/PG_VERSION" ] || create
    if ! running; then
        local preload=()
        [ -z "$clock" ] || echo "$clock" >"$dir/clock"
        [ ! -f "$dir/clock" ] || preload=(env LD_PRELOAD="$(fake_clock)" FAKETIME="$(printf '%+ds' "$(cat "$dir/clock")")")
        # Uses the previous port, so that clients find the server again.
        [ -n "$port" ] || [ ! -f "$dir/port" ] || is_taken "$(cat "$dir/port")" || port=$(cat "$dir/port")
        [ -n "$port" ] || port=$(free_port)
        (
            close_descriptors
            owned "${preload[@]}" "$bin/pg_ctl" start --pgdata="$dir/data" --log="$dir/server.log" --silent --no-wait \
                --options="-p $port" >/dev/null
        ) || fail "the server did not start, see $dir/server.log"
        echo "$port" >"$dir/port"
        ready || { tail -n 20 "$dir/server.log" >&2 && fail "the server did not become ready, see $dir/server.log"; }
        ensure_database
    fi
    [ -z "$parent" ] || watch_parent
    environment
}

fake_clock() {
    local library
    for library in /usr/lib/*/faketime/libfaketime.so.1; do
        [ -f "$library" ] && echo "$library" && return
    done
    fail "no libfaketime found: install faketime"
}

running() { owned "$bin/pg_ctl" status --pgdata="$dir/data" >/dev/null 2>&1; }

ready() {
    local try
    for try in $(seq 150); do
        owned "$bin/pg_isready" --quiet --host="$dir/socket" --port="$(cat "$dir/port")" && return 0
        running || [ "$try" -lt 20 ] || return 1
        sleep 0.2
    done
    return 1
}

# Creates the database and its owner, who may create the roles and databases that migrations and tests need.
ensure_database() {
    local psql=(owned "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$dir/socket" -p "$(cat "$dir/port")" -U postgres -d postgres)
    [ "$("${psql[@]}" -c "SELECT count(*) FROM pg_roles WHERE rolname = 'winnow'")" = 1 ] \
        || "${psql[@]}" -c "CREATE ROLE winnow LOGIN CREATEDB CREATEROLE PASSWORD '$(cat "$dir/password")'"
    [ "$("${psql[@]}" -c "SELECT count(*) FROM pg_database WHERE datname = 'winnow'")" = 1 ] \
        || "${psql[@]}" -c "CREATE DATABASE winnow OWNER winnow"
}

# Runs in its own session, so that a signal to the parent's process group cannot end it early.
watch_parent() {
    (
        close_descriptors
        exec setsid bash -c 'while kill -0 "$2" 2>/dev/null; do sleep 1; done; exec "$0" stop "$1" $3' \
            "$self" "$dir" "$parent" "$remove"
    ) </dev/null >/dev/null 2>&1 &
}

stop() {
    [ ! -f "$dir/data/PG_VERSION" ] || ! running \
        || owned "$bin/pg_ctl" stop --pgdata="$dir/data" --mode="$([ -n "$remove" ] && echo immediate || echo fast)" --silent 2>/dev/null \
        || fail "the server did not stop"
    [ -z "$remove" ] || rm -rf -- "$dir"
}

# Works for `PostgresSettings` and libpq. psql takes the password from PGPASSWORD, and needs none through the socket.
environment() {
    echo "PGHOST=$dir/socket"
    echo "PGPORT=$(cat "$dir/port")"
    echo "PGUSER=winnow"
    echo "PGDATABASE=winnow"
    echo "PGPASSWORD_FILE=$dir/password"
}

self=$(readlink -f "$0")
[ $# -ge 2 ] || fail "usage: cluster.sh start|stop|status DIR [--port PORT] [--parent PID] [--remove] [--clock SECONDS]"
command=$1 dir=$(readlink -m "$2")
shift 2
port="" parent="" remove="" clock=""
while [ $# -gt 0 ]; do
    case $1 in
        --port) port=${2:?--port needs a number} && shift 2 ;;
        --parent) parent=${2:?--parent needs a process id} && shift 2 ;;
        --remove) remove=--remove && shift ;;
        --clock) clock=${2:?--clock needs a number of seconds} && shift 2 ;;
        *) fail "unknown option $1" ;;
    esac
done
owner=${WINNOW_POSTGRES_USER:-postgres}
bin=$(bindir)
# The kernel limits a socket's path to 107 bytes.
[ ${#dir} -le 80 ] || fail "DIR is too long for a unix socket"

case $command in
    start) start ;;
    stop) stop ;;
    status) [ -f "$dir/port" ] && running && environment || { echo "stopped" && exit 3; } ;;
    *) fail "unknown command $command" ;;
esac
