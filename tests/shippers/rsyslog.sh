#!/usr/bin/env bash
# requires-debian: rsyslog rsyslog-elasticsearch
#
# rsyslog's omelasticsearch: with the template that it has of its own, and with documents that have an _id.
set -euo pipefail

readonly LINES=3000
readonly PATIENCE_S=60

die() { echo "rsyslog: $*" >&2; exit 1; }

root="$SENTINEL_DEBIAN_ROOT"
daemon="$root/usr/sbin/rsyslogd"
modules="$(dirname "$(find "$root" -name omelasticsearch.so | head -n 1)")"
[ -x "$daemon" ] && [ -n "$modules" ] || exit 77
libraries="$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)"
dir="$SENTINEL_SHIPPER_DIR"

cat >"$dir/rsyslog.conf" <<CONFIG
global(workDirectory="$dir/spool")
module(load="imfile")
module(load="omelasticsearch")

template(name="index" type="string" string="rsyslog-named")
template(name="id" type="string" string="line-%msg:R,ERE,1,FIELD:number ([0-9]+)--end%")
template(name="document" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host.name" name="hostname" format="jsonf")
  property(outname="log.level" name="syslogseverity-text" format="jsonf")
  property(outname="service.name" name="programname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}

ruleset(name="to-sentinel") {
  # Its own template; the index is the service.
  action(type="omelasticsearch" server="$SENTINEL_INGEST_URL/elasticsearch" uid="rsyslog" pwd="$SENTINEL_KEY"
         searchIndex="rsyslog-plain" searchType="" bulkmode="on" action.resumeRetryCount="-1" action.resumeInterval="1"
         errorFile="$dir/plain.errors" queue.type="LinkedList" queue.dequeueBatchSize="200")
  # Documents that name their service, and have an _id.
  action(type="omelasticsearch" server="$SENTINEL_INGEST_URL/elasticsearch" uid="rsyslog" pwd="$SENTINEL_KEY"
         searchIndex="index" dynSearchIndex="on" searchType="" template="document" bulkid="id" dynbulkid="on"
         writeoperation="create" bulkmode="on" action.resumeRetryCount="-1" action.resumeInterval="1"
         errorFile="$dir/named.errors" queue.type="LinkedList" queue.dequeueBatchSize="200")
}
input(type="imfile" File="$dir/in.log" Tag="shop:" Severity="warning" ruleset="to-sentinel")
CONFIG
mkdir -p "$dir/spool"
seq -f 'number %.0f "quoted" \ and more' 1 "$LINES" >"$dir/in.log"

LD_LIBRARY_PATH="$libraries" "$daemon" -n -f "$dir/rsyslog.conf" -i "$dir/rsyslogd.pid" -M "$modules" 2>"$dir/rsyslog.log" &
rsyslog=$!
# shellcheck disable=SC2064  # the process that was started
trap "kill $rsyslog 2>/dev/null || true" EXIT

ask() { curl -fsS -G -H "Authorization: Bearer $SENTINEL_KEY" "$SENTINEL_QUERY_URL$1" "${@:2}"; }

# count SERVICE: how many logs it has.
count() {
  ask /stats | python3 -c 'import json, sys
counts = json.load(sys.stdin)["logs_per_service"]
print(counts.get(sys.argv[1], 0))' "$1"
}

deadline=$((SECONDS + PATIENCE_S))
for service in rsyslog-plain shop; do
  until [ "$(count "$service")" -ge "$LINES" ]; do
    kill -0 "$rsyslog" || die "rsyslogd has ended: $(tail -n 5 "$dir/rsyslog.log")"
    [ "$SECONDS" -lt "$deadline" ] || die "$(count "$service") of $LINES of $service arrived in $PATIENCE_S s: $(tail -n 5 "$dir"/*.errors "$dir/rsyslog.log" 2>&1)"
    sleep 0.2
  done
done
kill "$rsyslog" && wait "$rsyslog" || true

for service in rsyslog-plain shop; do
  found="$(count "$service")"
  [ "$found" = "$LINES" ] || die "$service has $found logs, not $LINES"
  last="$(ask /logs --data-urlencode "service=$service" --data-urlencode "q=\"number $LINES\"")"
  python3 - "$last" <<'CHECK' || die "unexpected: $last"
import json, sys
(log,) = json.loads(sys.argv[1])
assert log["message"].strip() == 'number 3000 "quoted" \\ and more', log
assert log["severity"] == "WARNING" or log["level"] == "WARN", log
assert log["host"], log
CHECK
done
[ ! -s "$dir/plain.errors" ] && [ ! -s "$dir/named.errors" ] || die "errors: $(cat "$dir"/*.errors)"
echo "$LINES lines, each there once, by two actions"
