#!/usr/bin/env bash
# requires-debian: rsyslog
#
# syslog as its own programs send it: util-linux's logger and rsyslog's omfwd, over UDP and TCP, in the new format and the old one, by
# counted octets and by lines. Every way is a service of its own, and every message is found once.
#
# Each way has few enough messages that the kernel has room for all of them, however late the service receives what UDP brings.
set -euo pipefail

readonly MESSAGES=300
readonly PATIENCE_S=60
readonly HOST_OF_RSYSLOG=web-1
# Times of RFC 3164 have no zone, and are taken for UTC.
export TZ=UTC

die() { echo "syslog: $*" >&2; exit 1; }

command -v logger >/dev/null || exit 77
root="$SENTINEL_DEBIAN_ROOT"
daemon="$root/usr/sbin/rsyslogd"
modules="$(dirname "$(find "$root" -name imfile.so | head -n 1)")"
[ -x "$daemon" ] && [ -n "$modules" ] || exit 77
libraries="$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)"
dir="$SENTINEL_SHIPPER_DIR"
host="${SENTINEL_SYSLOG_ADDRESS%:*}"
port="${SENTINEL_SYSLOG_ADDRESS##*:}"

ask() { curl -fsS -G -H "Authorization: Bearer $SENTINEL_KEY" "$SENTINEL_QUERY_URL$1" "${@:2}"; }

# count SERVICE: how many logs it has.
count() {
  ask /stats | python3 -c 'import json, sys
counts = json.load(sys.stdin)["logs_per_service"]
print(counts.get(sys.argv[1], 0))' "$1"
}

# dropped: what the service counts as lost.
dropped() { curl -fsS "$SENTINEL_INGEST_URL/metrics" | grep '^sentinel_ingest_records_dropped_total{.*door="syslog"' || true; }

# wait_for SERVICE COUNT: until so many have come.
wait_for() {
  local deadline=$((SECONDS + PATIENCE_S))
  until [ "$(count "$1")" -ge "$2" ]; do
    [ "$SECONDS" -lt "$deadline" ] || die "$(count "$1") of $2 of $1 arrived in $PATIENCE_S s; lost: $(dropped)"
    sleep 0.2
  done
}

# check SERVICE HOST LEVEL FACILITY: every message is there once, and as it was sent.
check() {
  wait_for "$1" "$MESSAGES"
  ask /logs --data-urlencode "service=$1" --data-urlencode limit=1000 >"$dir/found.json"
  python3 - "$dir" "$MESSAGES" "$@" <<'CHECK' || die "$1 is not what was sent; lost: $(dropped)"
import collections, json, sys
folder, messages, service, host, level, facility = sys.argv[1:]
with open(f"{folder}/found.json") as found, open(f"{folder}/messages") as sent:
    logs, sent = json.load(found), sent.read().splitlines()
counts = collections.Counter(log["message"] for log in logs)
missing, more = collections.Counter(sent) - counts, counts - collections.Counter(sent)
difference = f"{missing.total()} missing, {more.total()} unexpected: {missing.most_common(2)}, {more.most_common(2)}"
assert not missing and not more, difference
for log in logs:
    own = (log["host"], log["level"], log["attributes"]["syslog.facility"])
    assert own == (host, level, facility), log
CHECK
}

seq -f 'number %.0f [not "data"] \ ä' 1 "$MESSAGES" >"$dir/messages"

# with_logger SERVICE SEVERITY LEVEL OPTION...: sends all messages by logger; LEVEL is what syslog's severity becomes.
with_logger() {
  logger --server "$host" --port "$port" --tag "$1" --priority "local3.$2" --file "$dir/messages" "${@:4}"
  check "$1" "$(uname -n)" "$3" local3
}

with_logger logger-udp-5424 warning WARN --udp --rfc5424
with_logger logger-udp-3164 err ERROR --udp --rfc3164
with_logger logger-tcp-5424 notice INFO --tcp --rfc5424
with_logger logger-tcp-3164 debug DEBUG --tcp --rfc3164
with_logger logger-counted-5424 crit ERROR --tcp --rfc5424 --octet-count
with_logger logger-counted-3164 alert ERROR --tcp --rfc3164 --octet-count

# forward SERVICE SEVERITY TEMPLATE OPTION...: what rsyslog's configuration says about the file of that name.
forward() {
  cat <<CONFIG
ruleset(name="$1") {
  action(type="omfwd" target="$host" port="$port" template="$3" ${@:4}
         action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="LinkedList")
}
input(type="imfile" File="$dir/$1.log" Tag="$1:" Severity="$2" Facility="local5" ruleset="$1")
CONFIG
}

{
  echo "global(workDirectory=\"$dir/spool\" localHostname=\"$HOST_OF_RSYSLOG\")"
  echo 'module(load="imfile")'
  forward rsyslog-udp-5424 warning RSYSLOG_SyslogProtocol23Format 'protocol="udp"'
  forward rsyslog-udp-3164 err RSYSLOG_TraditionalForwardFormat 'protocol="udp"'
  forward rsyslog-lines-5424 notice RSYSLOG_SyslogProtocol23Format 'protocol="tcp" TCP_Framing="traditional"'
  forward rsyslog-lines-3164 info RSYSLOG_TraditionalForwardFormat 'protocol="tcp" TCP_Framing="traditional"'
  forward rsyslog-counted-5424 debug RSYSLOG_SyslogProtocol23Format 'protocol="tcp" TCP_Framing="octet-counted"'
  forward rsyslog-counted-3164 crit RSYSLOG_ForwardFormat 'protocol="tcp" TCP_Framing="octet-counted"'
} >"$dir/rsyslog.conf"
mkdir -p "$dir/spool"

LD_LIBRARY_PATH="$libraries" "$daemon" -n -f "$dir/rsyslog.conf" -i "$dir/rsyslogd.pid" -M "$modules" 2>"$dir/rsyslog.log" &
rsyslog=$!
# shellcheck disable=SC2064  # the process that was started
trap "kill $rsyslog 2>/dev/null || true" EXIT

# with_rsyslog SERVICE LEVEL: writes the file that rsyslog follows.
with_rsyslog() {
  kill -0 "$rsyslog" || die "rsyslogd has ended: $(tail -n 5 "$dir/rsyslog.log")"
  cp "$dir/messages" "$dir/$1.log"
  check "$1" "$HOST_OF_RSYSLOG" "$2" local5
}

with_rsyslog rsyslog-udp-5424 WARN
with_rsyslog rsyslog-udp-3164 ERROR
with_rsyslog rsyslog-lines-5424 INFO
with_rsyslog rsyslog-lines-3164 INFO
with_rsyslog rsyslog-counted-5424 DEBUG
with_rsyslog rsyslog-counted-3164 ERROR
kill "$rsyslog" && wait "$rsyslog" || true

[ -z "$(dropped)" ] || die "lost: $(dropped)"
echo "$MESSAGES messages by each of 12 ways, each there once"
