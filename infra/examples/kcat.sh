#!/usr/bin/env bash
# Sends and reads requests and results with kcat.
#
#   kcat.sh send ID [TENANT] <REQUEST.json        an interactive request
#   kcat.sh send-bulk ID [TENANT] <REQUEST.json   a request that nobody waits for
#   kcat.sh result ID [TENANT]                    the result of a request, if there is one
#   kcat.sh results                               id, status and cost of all existing results
#   kcat.sh dead-letters                          reasons of all existing dead letters
#
# KAFKA_BOOTSTRAP_SERVERS names the brokers. KCAT_OPTIONS are further options of kcat, such as credentials:
# KCAT_OPTIONS='-X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=SCRAM-SHA-256 -X sasl.username=integrator -F secrets.conf'
set -euo pipefail

# Splits KCAT_OPTIONS into words.
# shellcheck disable=SC2086
run() { kcat -q -b "$KAFKA_BOOTSTRAP_SERVERS" ${KCAT_OPTIONS:-} "$@"; }

# send TOPIC ID TENANT: sends standard input as one record. Without -D, kcat would send one record for each line.
send() {
    run -P -t "$1" -k "$2" -D $'\x1e' \
        -H ce_specversion=1.0 -H ce_type=winnow.request.v1 -H ce_source=/examples/kcat \
        -H "ce_id=$2" -H "ce_authid=$3" -H content-type=application/json
}

# Prints headers and value of every existing record, one record on each line.
everything() { run -C -t "$1" -o beginning -e -f '%h\t%s\n'; }

case ${1:-} in
    send) send winnow.requests.v1 "$2" "${3:-examples}" ;;
    send-bulk) send winnow.bulk-requests.v1 "$2" "${3:-examples}" ;;
    result)
        for _ in $(seq 100); do
            everything winnow.results.v1 | awk -F '\t' -v id=",ce_causationid=$2," -v tenant=",ce_authid=${3:-examples}," '
                !found && index("," $1 ",", id) && index("," $1 ",", tenant) { print $2; found = 1 }
                END { exit !found }' && exit
            sleep 0.2
        done
        echo "kcat.sh: no result of $2 yet" >&2
        exit 1
        ;;
    results)
        everything winnow.results.v1 |
            sed -nE 's/.*\t\{"id":"([^"]*)","requestId":"[^"]*","status":"([^"]*)".*"picoUSD":([0-9]+).*/\1 \2 \3/p'
        ;;
    dead-letters) everything winnow.dead-letters.v1 | tr ',' '\n' | sed -n 's/^kafka_dlt-exception-fqcn=//p' | sort | uniq -c ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
