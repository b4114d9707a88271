#!/usr/bin/env bash
# The compose test: the user's own Dockerfile and docker-compose.yml, built and run, attacked and inspected.
#
#   1. `up --build --scale simulator=5`, until both services are healthy and logs are acknowledged
#   2. every container is as locked up as docker-compose.yml says, and no key shows outside the volume
#   3. kill -9 under load: ingest-svc, query-svc and a simulator by the engine, then ingest-svc from within
#   4. everything the simulators were told is stored is there, once. Then it is deleted, and the same check must fail
#   5. a simulator writes files that are rotated, a shipper follows them, and every line is found once; the shipper of the
#      profile `ship` brings what the containers write
#   6. SIGTERM ends every service with exit code 0
#
# Uses a project name and ports of its own and removes its containers and volume at the end.
# Without Docker it says so and exits 0; with CI_REQUIRE_DOCKER=1 that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/ports.sh

readonly UP_TIMEOUT_S=3600        # a cold release build on two cores
readonly HEALTHY_TIMEOUT_S=120
readonly PROGRESS_TIMEOUT_S=120
readonly ENOUGH_LOGS=2000         # before the first kill
readonly PROGRESS_LOGS=500        # after each restart
readonly ACKED_MIN=1000
readonly SIMULATORS=5
readonly FILE_LOGS=20000          # written into files that are rotated
readonly FILE_BYTES=400000        # until one is rotated
readonly SERVICES=(ingest-svc query-svc simulator)

# === Saying ===

say() { printf 'compose: %s\n' "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
skip() {
  [ "${CI_REQUIRE_DOCKER:-0}" != 1 ] || die "$* (CI_REQUIRE_DOCKER=1)"
  say "SKIPPED: $*"
  exit 0
}

# seconds_since MOMENT: with MOMENT from $EPOCHREALTIME, in seconds with one digit.
seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

# wait_until SECONDS WHAT COMMAND...: polls until the command succeeds.
wait_until() {
  local limit_s="$1" what="$2" deadline=$((SECONDS + $1))
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || die "$what: not within $limit_s s"
    sleep 0.2
  done
}

# === Docker ===

choose_compose() {
  command -v docker >/dev/null || skip "docker is not here"
  timeout 20 docker info >/dev/null 2>&1 || skip "docker is not here (no engine answers)"
  if docker compose version >/dev/null 2>&1; then
    compose_command=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose_command=(docker-compose)
    export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
  else
    skip "docker is here, but neither 'docker compose' nor docker-compose is"
  fi
}

compose() { "${compose_command[@]}" "$@"; }

# containers SERVICE: the ids, running or not. Of the `run` commands below none is left (--rm).
containers() { compose ps -aq "$1"; }
# Reads all ids: the command that prints them must not meet a closed pipe.
first_container() { containers "$1" | sed -n 1p; }

inspect() { docker inspect -f "$2" "$1"; }

# in_volume COMMAND...: beside the services, in a container that has a shell; theirs have none.
in_volume() {
  docker run --rm --network none --user 10001:10001 -v "${COMPOSE_PROJECT_NAME}_logs:/data" "$shell_image" "$@"
}

# processes CONTAINER: their ids, as this machine counts them.
processes() { docker top "$1" -eo pid | tail -n +2 | tr -d ' '; }

clean_up() {
  local code=$?
  trap - EXIT
  if [ "$code" -ne 0 ]; then
    say "the state at the failure:"
    compose ps -a || true
    compose logs --no-color --tail=40 2>&1 | mask_keys || true
  fi
  compose down -v --remove-orphans --timeout 40 >/dev/null 2>&1 || say "could not remove project $COMPOSE_PROJECT_NAME"
  rm -rf "$scratch"
  exit "$code"
}

mask_keys() { if [ -n "$reader_key" ]; then sed "s/$reader_key/<reader key>/g"; else cat; fi; }

# === Asking the services ===

# as_reader CURL_ARGUMENT...: the key goes through a pipe, so that it is in no process list.
as_reader() {
  curl -fsS --max-time 20 --config <(printf 'header = "Authorization: Bearer %s"\n' "$reader_key") "$@"
}

stored_total() {
  as_reader "http://127.0.0.1:$SENTINEL_QUERY_PORT/stats" 2>/dev/null | sed -nE 's/.*"total": *([0-9]+).*/\1/p'
}

stored_at_least() {
  local total
  total="$(stored_total || true)"
  [ -n "$total" ] && [ "$total" -ge "$1" ]
}

is_healthy() { [ "$(inspect "$1" '{{.State.Health.Status}}')" = healthy ]; }
is_ready() { curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:$1/readyz"; }
has_restarted() { [ "$(inspect "$1" '{{.RestartCount}}')" -gt "$2" ]; }

# One answer may be lost, or late on a busy machine: the first one that is there counts.
note_total() { total_now="$(stored_total || true)"; [ -n "$total_now" ]; }

await_progress() {
  wait_until "$HEALTHY_TIMEOUT_S" "an answer of /stats after $1" note_total
  wait_until "$PROGRESS_TIMEOUT_S" "$PROGRESS_LOGS more logs after $1" stored_at_least $((total_now + PROGRESS_LOGS))
}

# === 1. Start ===

start() {
  local moment=$EPOCHREALTIME
  tests/compose/stand-in-images.sh
  compose config >/dev/null
  timeout "$UP_TIMEOUT_S" "${compose_command[@]}" up --build -d --scale "simulator=$SIMULATORS" >"$scratch/up.log" 2>&1 \
    || { tail -n 60 "$scratch/up.log" >&2; die "docker compose up"; }
  say "built and started in $(seconds_since "$moment") s"

  ingest="$(first_container ingest-svc)"
  query="$(first_container query-svc)"
  wait_until "$HEALTHY_TIMEOUT_S" "ingest-svc healthy" is_healthy "$ingest"
  wait_until "$HEALTHY_TIMEOUT_S" "query-svc healthy" is_healthy "$query"
  [ "$(containers simulator | wc -l)" -eq "$SIMULATORS" ] || die "not $SIMULATORS simulators"

  reader_key="$(in_volume cat /data/keys/reader.key)"
  [ -n "$reader_key" ] || die "/data/keys/reader.key is empty"
  docker logs "$(first_container keys)" 2>&1 | grep -qF "$reader_key" || die "the output of keys does not show the reader's key"

  moment=$EPOCHREALTIME
  wait_until "$PROGRESS_TIMEOUT_S" "$ENOUGH_LOGS logs" stored_at_least "$ENOUGH_LOGS"
  say "$(stored_total) logs $(seconds_since "$moment") s after both services were healthy"
}

# === 2. Locked up ===

# equal WHAT ACTUAL EXPECTED
equal() { [ "$2" = "$3" ] || die "$1 is '$2', not '$3'"; }

check_container() {
  local id="$1" name address
  name="$(inspect "$id" '{{.Name}}')"
  equal "$name: user" "$(inspect "$id" '{{.Config.User}}')" 10001:10001
  equal "$name: read-only" "$(inspect "$id" '{{.HostConfig.ReadonlyRootfs}}')" true
  equal "$name: dropped capabilities" "$(inspect "$id" '{{.HostConfig.CapDrop}}')" "[ALL]"
  equal "$name: added capabilities" "$(inspect "$id" '{{len .HostConfig.CapAdd}}')" 0
  equal "$name: security options" "$(inspect "$id" '{{.HostConfig.SecurityOpt}}')" "[no-new-privileges:true]"
  equal "$name: privileged" "$(inspect "$id" '{{.HostConfig.Privileged}}')" false
  equal "$name: open files" "$(inspect "$id" '{{range .HostConfig.Ulimits}}{{.Name}} {{.Soft}} {{.Hard}}{{end}}')" "nofile 16384 16384"
  equal "$name: process limit" "$(inspect "$id" '{{.HostConfig.PidsLimit}}')" 256
  [ "$(inspect "$id" '{{.HostConfig.Memory}}')" -gt 0 ] || die "$name: no memory limit"
  for address in $(inspect "$id" '{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}'); do
    equal "$name: published on" "$address" 127.0.0.1
  done
}

# What the kernel says of the running process, not only what was asked for.
check_process() {
  local id="$1" name pid
  name="$(inspect "$id" '{{.Name}}')"
  [ "$(processes "$id" | wc -l)" -ge 2 ] || die "$name: fewer processes than init and the program"
  for pid in $(processes "$id"); do
    equal "$name: uids" "$(sed -n 's/^Uid:\t//p' "/proc/$pid/status")" $'10001\t10001\t10001\t10001'
    equal "$name: effective capabilities" "$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")" 0000000000000000
    equal "$name: NoNewPrivs" "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$pid/status")" 1
    if touch "/proc/$pid/root/usr/local/bin/probe" 2>/dev/null; then die "$name: the root file system is writable"; fi
  done
  if docker exec "$id" sh -c true 2>/dev/null; then die "$name: there is a shell"; fi
}

check_locks() {
  local service id
  check_container "$(first_container keys)"
  for service in "${SERVICES[@]}"; do
    for id in $(containers "$service"); do
      check_container "$id"
      check_process "$id"
    done
  done
  equal "ports of simulators" "$(inspect "$(first_container simulator)" '{{len .HostConfig.PortBindings}}')" 0
  say "uid 10001, read-only, no capabilities, no new privileges, 127.0.0.1 only"
}

check_no_key_shows() {
  local service id odd pid
  odd="$(in_volume find /data/keys -type f ! '(' -perm 0600 -user 10001 ')')"
  equal "key files that others may read" "$odd" ""
  in_volume sh -c 'cat /data/keys/*.key' | grep . >"$scratch/keys"
  [ "$(wc -l <"$scratch/keys")" -ge 2 ] || die "expected a reader's key and a sender's, at least"
  for service in "${SERVICES[@]}"; do
    for id in $(containers "$service"); do
      docker inspect "$id" >"$scratch/shown"
      docker logs "$id" >>"$scratch/shown" 2>&1
      for pid in $(processes "$id" 2>/dev/null); do
        tr '\0' '\n' <"/proc/$pid/environ" >>"$scratch/shown"
        tr '\0' '\n' <"/proc/$pid/cmdline" >>"$scratch/shown"
      done
      if grep -qF -f "$scratch/keys" "$scratch/shown"; then die "a key shows in inspect, logs or environment of $service"; fi
    done
  done
  rm -f "$scratch/shown"
  say "no key of $(wc -l <"$scratch/keys") shows in inspect, logs, environments or command lines"
}

# A second `up` must not make new keys, and must show the reader's key again.
check_keys_stay() {
  compose run --rm -T keys >"$scratch/keys-again" 2>&1 || die "keys bootstrap failed the second time"
  grep -qF "$reader_key" "$scratch/keys-again" || die "keys bootstrap does not show the reader's key the second time"
  in_volume sh -c 'cat /data/keys/*.key' | grep . | cmp -s - "$scratch/keys" || die "keys changed at the second start"
  say "a second bootstrap shows the reader's key and changes nothing"
}

# === 3. Kill ===

# kill_and_start SERVICE PORT: by the engine. That counts as stopped by hand, so the restart policy does not act.
kill_and_start() {
  local service="$1" port="$2" id moment
  id="$(first_container "$service")"
  docker kill -s KILL "$id" >/dev/null
  wait_until 20 "$service dead" test_dead "$id"
  case "$service" in
    ingest-svc) [ -n "$(stored_total)" ] || die "query-svc does not answer while ingest-svc is dead" ;;
    query-svc) is_ready "$SENTINEL_INGEST_PORT" || die "ingest-svc is not ready while query-svc is dead" ;;
  esac
  moment=$EPOCHREALTIME
  docker start "$id" >/dev/null
  if [ -n "$port" ]; then
    wait_until "$HEALTHY_TIMEOUT_S" "$service ready after SIGKILL" is_ready "$port"
    say "$service: killed under load, ready again $(seconds_since "$moment") s after its start"
    wait_until "$HEALTHY_TIMEOUT_S" "$service healthy after SIGKILL" is_healthy "$id"
  else
    say "$service: killed under load, started again"
  fi
  await_progress "$service was killed"
}

test_dead() { [ "$(inspect "$1" '{{.State.Running}}')" = false ]; }

# Kills the program inside its container: the restart policy must bring it back, with nobody's help.
crash_ingest() {
  local restarts pid moment=$EPOCHREALTIME
  restarts="$(inspect "$ingest" '{{.RestartCount}}')"
  for pid in $(processes "$ingest"); do
    [ "$(readlink "/proc/$pid/exe")" != /usr/local/bin/ingest-svc ] || kill -9 "$pid"
  done
  wait_until "$HEALTHY_TIMEOUT_S" "ingest-svc restarted by its policy" has_restarted "$ingest" "$restarts"
  wait_until "$HEALTHY_TIMEOUT_S" "ingest-svc ready after a crash" is_ready "$SENTINEL_INGEST_PORT"
  say "ingest-svc: crashed, back by itself after $(seconds_since "$moment") s"
  await_progress "ingest-svc crashed"
}

# === 4. Nothing is missing ===

verify_ledger() {
  compose run --rm -T --no-deps simulator \
    verify --ledger /data/ledger --url http://query-svc:8000 --key-file /data/keys/reader.key
}

# figure NAME FILE: the number after NAME, as in `acked=2000`, `acked: 2000` or `acked 2000`.
figure() { grep -oiE "\b$1[ =:]+[0-9]+" "$2" | tail -n 1 | grep -oE '[0-9]+$'; }

check_ledger() {
  local acked
  verify_ledger >"$scratch/verify.log" 2>&1 || { cat "$scratch/verify.log" >&2; die "simulator verify"; }
  acked="$(figure acked "$scratch/verify.log")" || die "simulator verify states no figure for acked"
  equal missing "$(figure missing "$scratch/verify.log")" 0
  equal duplicated "$(figure duplicated "$scratch/verify.log")" 0
  [ "$acked" -gt "$ACKED_MIN" ] || die "only $acked logs were acknowledged"
  say "$(tail -n 1 "$scratch/verify.log")"
}

# The negative control: a check that cannot fail proves nothing.
check_ledger_can_fail() {
  local total deleted
  total="$(stored_total)"
  deleted="$(as_reader -X DELETE "http://127.0.0.1:$SENTINEL_QUERY_PORT/logs?from=1970-01-01T00:00:00Z" \
    | sed -nE 's/.*"deleted": *([0-9]+).*/\1/p')"
  equal "logs deleted" "$deleted" "$total"
  equal "logs left" "$(stored_total)" 0
  if verify_ledger >"$scratch/verify.log" 2>&1; then die "simulator verify does not see that all logs are gone"; fi
  [ "$(figure missing "$scratch/verify.log")" -gt 0 ] || die "simulator verify failed for another reason"
  say "$deleted logs deleted, and verify saw it"
}

# === 5. From a file to a search ===

# found QUERY: how many logs a query finds.
found() {
  as_reader --get "http://127.0.0.1:$SENTINEL_QUERY_PORT/api/v1/logs" --data-urlencode "q=$1" -d limit=1 2>/dev/null \
    | sed -nE 's/.*"total": *([0-9]+).*/\1/p'
}

found_exactly() { [ "$(found "$1" || true)" = "$2" ]; }
found_some() { [ "$(found "$1" || echo 0)" -gt 0 ]; }

# check_files FORMAT: the simulator writes, the shipper follows; both are ended by the test.
check_files() {
  local format="$1" follower lines moment=$EPOCHREALTIME
  local path="/data/files-$format/app.log"
  follower="$(compose run -d --rm -T --no-deps keys ship --log-file "$path*" --url http://ingest-svc:8001 \
    --key-file /data/keys/shipper.key --state-dir "/data/ship-$format" | tail -n 1)"
  compose run --rm -T --no-deps simulator --out "$path" --format "$format" --count "$FILE_LOGS" --rate 5000 \
    --out-max-bytes "$FILE_BYTES" --out-keep 100 >"$scratch/files.log" 2>&1 || { cat "$scratch/files.log" >&2; die "simulator --out"; }
  lines="$(in_volume sh -c "cat $path* | wc -l")"
  equal "$format: lines in files" "$lines" "$FILE_LOGS"
  [ "$(in_volume sh -c "ls $path* | wc -l")" -gt 3 ] || die "$format: the files were not rotated"
  wait_until "$PROGRESS_TIMEOUT_S" "$format: all lines found" found_exactly "log.file.path:/files-$format/" "$FILE_LOGS"
  docker stop -t 30 "$follower" >/dev/null
  equal "$format: lines after the shipper's end" "$(found "log.file.path:/files-$format/")" "$FILE_LOGS"
  say "$FILE_LOGS lines of $format, rotated and shipped, found in $(seconds_since "$moment") s"
}

check_containers_are_shipped() {
  compose --profile ship up -d --no-build shipper >"$scratch/up.log" 2>&1 || { cat "$scratch/up.log" >&2; die "the profile ship"; }
  wait_until "$PROGRESS_TIMEOUT_S" "what ingest-svc writes" found_some 'service:ingest-svc'
  compose --profile ship stop shipper >/dev/null 2>&1
  equal "shipper: exit code after SIGTERM" "$(inspect "$(first_container shipper)" '{{.State.ExitCode}}')" 0
  say "the shipper of the profile ship brings what containers write: $(found 'service:ingest-svc') logs of ingest-svc"
}

# === 6. Stop ===

stop() {
  local service="$1" id moment=$EPOCHREALTIME
  compose stop "$service" >/dev/null 2>&1
  for id in $(containers "$service"); do
    equal "$service: exit code after SIGTERM" "$(inspect "$id" '{{.State.ExitCode}}')" 0
  done
  say "$service: stopped in $(seconds_since "$moment") s"
}

# === The test ===

# The image that the programs are built in, which is here by then, and has a shell.
shell_image="$(awk 'toupper($1) == "FROM" && $2 ~ /^rust:/ { print $2; exit }' Dockerfile)"
compose_command=() reader_key="" ingest="" query="" total_now=""
choose_compose
scratch="$(mktemp -d)"
export COMPOSE_PROJECT_NAME="logsentineltest$$" COMPOSE_FILE="$PWD/docker-compose.yml"
SENTINEL_INGEST_PORT="$(free_port)"
SENTINEL_QUERY_PORT="$(free_port)"
SENTINEL_OTLP_PORT="$(free_port)"
export SENTINEL_INGEST_PORT SENTINEL_QUERY_PORT SENTINEL_OTLP_PORT SENTINEL_SIMULATOR_RATE=200
trap clean_up EXIT

start
check_locks
check_no_key_shows
kill_and_start ingest-svc "$SENTINEL_INGEST_PORT"
kill_and_start query-svc "$SENTINEL_QUERY_PORT"
kill_and_start simulator ""
crash_ingest
check_keys_stay
stop simulator
check_ledger
check_ledger_can_fail
check_files json
check_files text
check_containers_are_shipped
check_no_key_shows
stop query-svc
stop ingest-svc
say "passed in $SECONDS s"
