#!/usr/bin/env bash
# Runs a whole suite on this machine: Postgres, a broker, migrations, every service.
#
#   stack.sh up        start the suite; it keeps running
#   stack.sh replace   stop every service and start it from WINNOW_BIN_DIRECTORY, one at a time; broker and database keep running
#   stack.sh down      stop the processes that `up` started, and no others
#   stack.sh status    show the suite; exit code 0 if all is ready, 1 if something is not, 3 if nothing runs
#   stack.sh forget    remove the database of a stopped suite
#   stack.sh run       `up`, wait for Ctrl-C or SIGTERM, `down`
#
# WINNOW_RUN_DIRECTORY           folder of state, logs and process ids (default: .run)
# WINNOW_BIN_DIRECTORY           folder of the executables (default: .build/release)
# KAFKA_BOOTSTRAP_SERVERS        an existing cluster: the script creates its topics and starts no embedded broker
# DATABASE_URL                   an existing database: the script starts no private Postgres
# WINNOW_SIGNING_KEY_FILE        an existing key for signing: the script creates none
# WINNOW_SCALE_<SERVICE>         number of processes of a service (default: 1), as in WINNOW_SCALE_LEGAL_SERVICES_WORKER=3
set -euo pipefail
cd "$(dirname "$0")/../.."

catalog=$(readlink -m "${WINNOW_CAPABILITIES_DIRECTORY:-infra/capabilities}")
# Consumers start before their producers, and stop in reverse order.
services=(aggregator escalator)
for file in "$catalog"/*/capability.json; do
    # Without a small model there is nothing that a worker could serve.
    ! grep -q '"small"' "$file" || services+=("$(basename "$(dirname "$file")")-worker")
done
services+=(decomposer)
run=$(readlink -m "${WINNOW_RUN_DIRECTORY:-.run}")
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
ready_seconds=90
stop_seconds=40

say() { echo "stack: $*" >&2; }

# A process id may be reused. Together with the start time it identifies our process.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
alive() { [ -n "$1" ] && [ "$(started_at "$1")" = "$2" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# launch NAME COMMAND...: starts a command in its own session, with its log in logs/NAME.log.
launch() {
    local name=$1 pid
    shift
    setsid "$@" </dev/null >>"$run/logs/$name.log" 2>&1 &
    pid=$!
    echo "$name $pid $(started_at "$pid")" >>"$run/pids"
}

read_environment() {
    [ ! -f "$run/env" ] || { set -a && . "$run/env" && set +a; }
}

# Prints a value as one shell word, in single quotes if the shell would split or expand it.
quoted() {
    case $1 in
        *[!A-Za-z0-9_./:,@%+=-]*) printf %s "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/" ;;
        *) printf %s "$1" ;;
    esac
}

# note KEY=VALUE: exports the variable, and writes it to the file that shells and `winnow` read.
note() {
    export "${1?}"
    printf '%s=%s\n' "${1%%=*}" "$(quoted "${1#*=}")" >>"$run/env"
}

start_database() {
    local line lines
    if [ -n "${DATABASE_URL:-}" ]; then
        note "DATABASE_URL=$DATABASE_URL"
        return
    fi
    postgres_directory >"$run/postgres-directory"
    say "starting Postgres"
    lines=$(infra/postgres/cluster.sh start "$(cat "$run/postgres-directory")")
    while read -r line; do note "$line"; done <<<"$lines"
}

# The database is in the state directory. Root's server runs as another user, who may have no access to a home directory.
postgres_directory() {
    local short
    short=$(echo "$run" | cksum | cut -d ' ' -f 1)
    if [ "$(id -u)" = 0 ] && ! setpriv --reuid="${WINNOW_POSTGRES_USER:-postgres}" --clear-groups test -x "$run" \
        || [ ${#run} -gt 60 ]; then
        echo "/var/tmp/winnow-$short"
    else
        echo "$run/postgres"
    fi
}

# The key is created once and kept with the state, because records that are signed with another key are ignored.
start_signing() {
    local file=${WINNOW_SIGNING_KEY_FILE:-$run/signing-key}
    [ -s "$file" ] || (umask 077 && openssl rand -hex 32 >"$file")
    note "WINNOW_SIGNING_KEY_FILE=$file"
}

start_broker() {
    local name
    if [ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ]; then
        note "KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS"
        # A command line in another shell needs these credentials and certificates too.
        for name in "${!KAFKA_CONF_@}"; do note "$name=${!name}"; done
        return
    fi
    say "starting the embedded broker"
    rm -f "$run/broker"
    DEV_BROKER_ADDRESS_FILE=$run/broker launch dev-broker "$bin/dev-broker"
    await dev-broker test -s "$run/broker"
    note "KAFKA_BOOTSTRAP_SERVERS=$(cat "$run/broker")"
    # The embedded broker loses its records when it ends, so requests wait in Postgres until they are accepted.
    note "WINNOW_INTAKE=postgres"
}

prepare() {
    "$bin/winnow" migrate >>"$run/logs/migrate.log" 2>&1 || give_up migrate
    "$bin/winnow" models register >>"$run/logs/models.log" 2>&1 || give_up models
    # Versions before the catalog know the built-in capabilities only; upgrade-proof.sh starts such a version.
    if "$bin/winnow" catalog --help 2>/dev/null | grep -q 'catalog apply'; then
        "$bin/winnow" catalog apply "$catalog" >>"$run/logs/catalog.log" 2>&1 || give_up catalog
    fi
    [ ! -f "$run/postgres-directory" ] || create_reader || give_up reader
    [ -f "$run/broker" ] || "$bin/winnow" topics create >>"$run/logs/topics.log" 2>&1 || give_up topics
}

# The read-only login, which reads the views of schema ops. TCP needs its password. The socket needs none, because only this
# user can reach it.
create_reader() {
    (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '/+=\n' >"$run/ops-password")
    infra/docker/create-logins.sh ops winnow_ops "$run/ops-password" >>"$run/logs/reader.log" 2>&1
}

# As in the image: oneDNN runs on the caller's thread, and all threads share one heap, because each heap keeps freed memory.
limit_threads() { export OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=1; }

# start_service NAME: NAME is a service, or the second of its processes, as in decomposer.2.
# A capability without an executable of its own is served by the general worker.
start_service() {
    local service=${1%%.*}
    rm -f "$run/ports/$1"
    if [ -x "$bin/$service" ]; then
        WINNOW_HTTP_PORT=0 WINNOW_HTTP_PORT_FILE=$run/ports/$1 launch "$1" "$bin/$service"
    else
        WINNOW_CAPABILITY=${service%-worker} OTEL_SERVICE_NAME=$service \
            WINNOW_HTTP_PORT=0 WINNOW_HTTP_PORT_FILE=$run/ports/$1 launch "$1" "$bin/capability-worker"
    fi
}

start_services() {
    local service count index name
    mkdir -p "$run/ports"
    for service in "${services[@]}"; do
        count=WINNOW_SCALE_$(tr 'a-z-' 'A-Z_' <<<"$service")
        for index in $(seq "${!count:-1}"); do
            name=$service
            [ "$index" = 1 ] || name=$service.$index
            start_service "$name"
        done
    done
    say "waiting until every service is ready"
    while read -r name _; do
        [ "$name" = dev-broker ] || await "$name" is_ready "$name"
    done <"$run/pids"
}

is_ready() {
    [ -s "$run/ports/$1" ] && curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:$(cat "$run/ports/$1")/readyz"
}

# await NAME CONDITION...: waits until the condition holds. Fails if NAME's process ends or the time is over.
await() {
    local name=$1 pid began deadline=$((SECONDS + ready_seconds))
    shift
    read -r _ pid began < <(grep "^$name " "$run/pids")
    until "$@"; do
        alive "$pid" "$began" || give_up "$name" "has ended"
        [ $SECONDS -lt $deadline ] || give_up "$name" "was not ready after $ready_seconds s"
        sleep 0.1
    done
}

give_up() {
    local name=$1
    say "$name ${2:-failed}; the end of $run/logs/$name.log:"
    tail -n 20 "$run/logs/$name.log" >&2 || true
    exit 1
}

up() {
    [ -x "$bin/winnow" ] || { say "$bin/winnow is not there: run 'make build' first"; exit 1; }
    if [ -s "$run/pids" ]; then
        status && say "is up already" && return
        down
    fi
    mkdir -p "$run/logs"
    rm -f "$run"/logs/*.log "$run/env" "$run/broker"
    # The file may contain a password. `winnow` refuses a file that others may read or write.
    (umask 077 && : >"$run/env")
    : >"$run/pids"
    # If the start fails or is interrupted, stop everything that was started.
    trap 'trap - EXIT; down' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    limit_threads
    note "WINNOW_MODELS_DIRECTORY=${WINNOW_MODELS_DIRECTORY:-$PWD/infra/models}"
    note "WINNOW_CAPABILITIES_DIRECTORY=$catalog"
    note "WINNOW_ENDPOINTS_DIRECTORY=$(readlink -m "${WINNOW_ENDPOINTS_DIRECTORY:-infra/endpoints}")"
    note "WINNOW_TOPICS_FILE=${WINNOW_TOPICS_FILE:-$PWD/infra/kafka/topics.json}"
    start_signing
    start_database
    start_broker
    prepare
    start_services
    trap - EXIT INT TERM
    status
}

# stop_process NAME PID START: stops our process, and kills it if it does not stop in time.
stop_process() {
    local name=$1 pid=$2 began=$3 deadline=$((SECONDS + stop_seconds))
    alive "$pid" "$began" || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while alive "$pid" "$began" && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
    alive "$pid" "$began" || return 0
    say "$name did not stop within $stop_seconds s and is killed"
    kill -KILL "$pid" 2>/dev/null || true
    return 1
}

# In the order of the start: consumers are replaced before their producers. Models, catalog and topics are those of the caller.
replace() {
    local models=${WINNOW_MODELS_DIRECTORY:-$PWD/infra/models} topics=${WINNOW_TOPICS_FILE:-$PWD/infra/kafka/topics.json}
    local entries entry name pid began
    [ -s "$run/pids" ] || { say "nothing runs"; exit 1; }
    read_environment
    sed -i '/^WINNOW_MODELS_DIRECTORY=/d; /^WINNOW_CAPABILITIES_DIRECTORY=/d; /^WINNOW_TOPICS_FILE=/d' "$run/env"
    sed -i '/^WINNOW_ENDPOINTS_DIRECTORY=/d' "$run/env"
    note "WINNOW_CAPABILITIES_DIRECTORY=$catalog"
    note "WINNOW_ENDPOINTS_DIRECTORY=$(readlink -m "${WINNOW_ENDPOINTS_DIRECTORY:-infra/endpoints}")"
    note "WINNOW_MODELS_DIRECTORY=$models"
    note "WINNOW_TOPICS_FILE=$topics"
    limit_threads
    mapfile -t entries <"$run/pids"
    for entry in "${entries[@]}"; do
        read -r name pid began <<<"$entry"
        [ "$name" != dev-broker ] || continue
        say "replacing $name"
        stop_process "$name" "$pid" "$began" || exit 1
        sed -i "/^$name /d" "$run/pids"
        start_service "$name"
        await "$name" is_ready "$name"
    done
}

down() {
    local entries entry name pid began left=0
    if [ -s "$run/pids" ]; then
        mapfile -t entries < <(tac "$run/pids")
        for entry in "${entries[@]}"; do
            read -r name pid began <<<"$entry"
            stop_process "$name" "$pid" "$began" || left=1
        done
    fi
    if [ -f "$run/postgres-directory" ]; then
        infra/postgres/cluster.sh stop "$(cat "$run/postgres-directory")" || left=1
    fi
    rm -f "$run/pids" "$run/env" "$run/broker" "$run/postgres-directory" "$run/ops-password"
    rm -rf "$run/ports"
    return "$left"
}

status() {
    local name pid began port state code=0
    if [ ! -s "$run/pids" ]; then
        echo "Nothing runs. Start it with 'make up'."
        return 3
    fi
    printf '%-32s %-10s %8s %6s\n' SERVICE STATE PID HTTP
    while read -r name pid began; do
        port=$(cat "$run/ports/$name" 2>/dev/null || true)
        if ! alive "$pid" "$began"; then
            state=ended
        elif [ "$name" = dev-broker ] || is_ready "$name"; then
            state=ready
        else
            state="not ready"
        fi
        [ "$state" = ready ] || code=1
        printf '%-32s %-10s %8s %6s\n' "$name" "$state" "$pid" "${port:--}"
    done <"$run/pids"
    echo "Logs: ${run#"$PWD/"}/logs    Environment: ${run#"$PWD/"}/env"
    return "$code"
}

run_until_stopped() {
    local stopped=0
    up
    trap 'stopped=1' INT TERM
    say "running; Ctrl-C stops it"
    while [ "$stopped" = 0 ]; do
        sleep 1 &
        wait $! || true
    done
    down
}

case ${1:-} in
    up) up ;;
    replace) replace ;;
    down) read_environment && down ;;
    status) status ;;
    forget) infra/postgres/cluster.sh stop "$(postgres_directory)" --remove ;;
    run) run_until_stopped ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
