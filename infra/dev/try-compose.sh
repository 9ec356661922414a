#!/usr/bin/env bash
# Runs every job and service of docker-compose.yml on this machine, with exactly the environment of the file and the image, until
# its own health check passes. Then stops it with SIGTERM. Uses the embedded broker.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/dev/install-packages.sh infra/dev/packages-lint.txt
bin=$(readlink -m "${WINNOW_BIN_DIRECTORY:-.build/release}")
work=$(mktemp -d "${TMPDIR:-/tmp}/winnow-compose.XXXXXX")
chmod 755 "$work"
running=()

finish() {
    local code=$? pid
    trap - EXIT INT TERM
    for pid in "${running[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${running[@]}"; do wait "$pid" 2>/dev/null || true; done
    infra/postgres/cluster.sh stop "$work/postgres" --remove >/dev/null 2>&1 || true
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

until_true() {
    local deadline=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        kill -0 "${running[-1]}" 2>/dev/null && [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

lines=$(infra/postgres/cluster.sh start "$work/postgres" --parent $$ --remove)
POSTGRES_PASSWORD=$(cat "$(sed -n 's/^PGPASSWORD_FILE=//p' <<<"$lines")")
export POSTGRES_PASSWORD
port=$(sed -n 's/^PGPORT=//p' <<<"$lines")
(
    while read -r line; do export "${line?}"; done < <(grep '_DB_PASSWORD=' .env.example)
    export PGHOST=127.0.0.1 PGPORT=$port PGPASSWORD=$POSTGRES_PASSWORD POSTGRES_USER=winnow POSTGRES_DB=winnow
    infra/docker/create-logins.sh >/dev/null
)

DEV_BROKER_ADDRESS_FILE=$work/broker "$bin/dev-broker" >"$work/dev-broker.log" 2>&1 &
running+=($!)
until_true test -s "$work/broker" || { cat "$work/dev-broker.log" >&2 && exit 1; }
http_port=$((30000 + RANDOM % 20000))
# The job signing-key creates the key in the same way.
(umask 077 && head -c 48 /dev/urandom | base64 >"$work/signing-key")
map=(--path "/keys/signing=$work/signing-key" --map "postgres:5432=127.0.0.1:$port" --map "kafka:9092=$(cat "$work/broker")" --http-port "$http_port")

# start NAME: runs the service's command with only its own environment. The embedded broker has no SASL.
start() {
    local environment command
    mapfile -t environment < <(infra/dev/compose-env.py "$1" "${map[@]}" --without-sasl)
    mapfile -t command < <(infra/dev/compose-env.py "$1" --command)
    (cd / && exec env -i PATH="$bin:/usr/bin:/bin" "${environment[@]}" "${command[@]}") >"$work/$1.log" 2>&1 &
    running+=($!)
}

# accepts NAME: checks that librdkafka accepts all settings of the file, and fails only because the broker does not answer.
accepts() {
    local environment
    mapfile -t environment < <(infra/dev/compose-env.py "$1" "${map[@]}")
    printf '%s\n' "${environment[@]}" | grep -q '^KAFKA_CONF_SASL_USERNAME=' || return 1
    env -i PATH="$bin:/usr/bin:/bin" "${environment[@]}" WINNOW_TOPICS_FILE="$PWD/infra/kafka/topics.json" \
        timeout 30 winnow topics create >"$work/$1-sasl.log" 2>&1 && return 1
    ! grep -Eqi 'configuration|KAFKA_CONF|WINNOW_SIGNING' "$work/$1-sasl.log"
}

failed=0
report() {
    echo "$2  $1"
    [ "$2" = "ok    " ] || { failed=1 && tail -n 20 "$work/$1.log" >&2; }
}

# The embedded broker creates its topics at startup and has no admin API.
start migrate
if wait "${running[-1]}"; then report migrate "ok    "; else report migrate FAILED; fi
start catalog
if wait "${running[-1]}"; then report catalog "ok    "; else report catalog FAILED; fi

services=(aggregator escalator)
for file in infra/capabilities/*/capability.json; do services+=("$(basename "$(dirname "$file")")-worker"); done
services+=(decomposer)
# All run at the same time, because each waits for its client's timeout.
checks=()
for service in "${services[@]}"; do
    accepts "$service" &
    checks+=($!)
done
for index in "${!services[@]}"; do
    service=${services[index]}
    if wait "${checks[index]}"; then
        report "$service-sasl" "ok    "
    else
        report "$service-sasl" FAILED
    fi
done

for service in "${services[@]}"; do
    start "$service"
    mapfile -t health < <(infra/dev/compose-env.py "$service" "${map[@]}" --health)
    if until_true "${health[@]}" && kill -TERM "${running[-1]}" && wait "${running[-1]}"; then
        report "$service" "ok    "
    else
        report "$service" FAILED
    fi
done

# The command line must work with an operator's rights.
mapfile -t environment < <(infra/dev/compose-env.py winnow "${map[@]}" --without-sasl)
for words in "doctor" "costs" "tenants list" "budget show" "prices list" "instances" "certificates"; do
    read -ra command <<<"$words"
    if (cd / && exec env -i PATH="$bin:/usr/bin:/bin" "${environment[@]}" winnow "${command[@]}") >"$work/winnow.log" 2>&1; then
        echo "ok      winnow $words"
    else
        report "winnow" FAILED
    fi
done
# The login `ops` must read only the schema ops.
reader=(env -i PATH=/usr/bin:/bin PGHOST=127.0.0.1 "PGPORT=$port" PGDATABASE=winnow PGUSER=ops
    PGPASSWORD="$(sed -n 's/^OPS_DB_PASSWORD=//p' .env.example)" psql -XAtq)
if "${reader[@]}" -c 'SELECT count(*) FROM ops.request' >"$work/reader.log" 2>&1 \
    && ! "${reader[@]}" -c 'SELECT count(*) FROM winnow.request' >>"$work/reader.log" 2>&1; then
    report reader "ok    "
else
    report reader FAILED
fi
exit "$failed"
