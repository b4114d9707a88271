#!/usr/bin/env bash
# The contract test: schemathesis reads the documents that the running services serve, makes requests of them, those that
# fit and those that do not, and holds every answer against them, with all of its checks.
#
#   tests/schemathesis/run.sh        both services, with a tenant's key, with another tenant's and with none
#   SCHEMATHESIS_EXAMPLES=500        most requests of an operation that are drawn at random (10)
#   SCHEMATHESIS_SEED=1              what is drawn
#   SCHEMATHESIS_PHASES=examples,coverage,fuzzing,stateful   what is tried (the first three)
#
# Without Python, or without the package and a way to it, it says so and exits 0; with CI_REQUIRE_PYTHON=1 that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/ports.sh

readonly PACKAGE=schemathesis==4.32.5
readonly VENV=target/schemathesis-venv
readonly EXAMPLES="${SCHEMATHESIS_EXAMPLES:-10}"
readonly SEED="${SCHEMATHESIS_SEED:-1}"
# What stateful requests are depends on the answers, and so on the time of day: by hand, they find more.
readonly PHASES="${SCHEMATHESIS_PHASES:-examples,coverage,fuzzing}"
readonly START_TIMEOUT_S=60
readonly LOG=target/ci/schemathesis.log

say() { printf 'schemathesis: %s\n' "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
skip() {
  [ "${CI_REQUIRE_PYTHON:-0}" != 1 ] || die "$* (CI_REQUIRE_PYTHON=1)"
  say "SKIPPED: $*"
  exit 0
}

install() {
  python3 -c 'import ensurepip' 2>/dev/null || skip "python3 with venv is not here"
  [ -x "$VENV/bin/st" ] && return
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "$PACKAGE" || { rm -rf "$VENV"; skip "$PACKAGE cannot be installed"; }
}

# start SERVICE PORT OPTION...
start() {
  local service="$1" port="$2" deadline=$((SECONDS + START_TIMEOUT_S))
  shift 2
  "target/debug/$service" --data-dir "$scratch/data" --listen "127.0.0.1:$port" --log-format json "$@" \
    >"$scratch/$service.out" 2>"$scratch/$service.log" &
  processes+=("$!")
  until curl -fs -o /dev/null "http://127.0.0.1:$port/readyz"; do
    [ "$SECONDS" -lt "$deadline" ] || die "$service is not ready within $START_TIMEOUT_S s: $(tail -n 3 "$scratch/$service.log")"
    sleep 0.2
  done
}

stop_all() {
  local code=$? process
  trap - EXIT
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
  exit "$code"
}

make_key() { target/debug/sentinel keys create --data-dir "$scratch/data" --scopes ingest,read,delete,alerts,admin "$@"; }

# Something for every operation to find.
store_logs() {
  local number
  for number in $(seq 1 20); do
    printf '{"service":"auth","level":"ERROR","message":"login failed for user %s","category":"c","status":"FAILED","executed_in":1.5,"trace_id":"t"}\n' "$number"
  done | curl -fsS -o /dev/null -H "Authorization: Bearer $1" -H 'Content-Type: application/x-ndjson' --data-binary @- "http://127.0.0.1:$ingest_port/logs"
}

# admin_token: makes the first user by the set-up link, and returns an access token of that user.
admin_token() {
  local token password='a-password-for-one-test'
  token="$(sed -nE 's/.*#token=([^ ]+).*/\1/p' "$scratch/query-svc.out" | head -n 1)"
  curl -fsS -o /dev/null -H 'Content-Type: application/json' "http://127.0.0.1:$query_port/api/v1/auth/setup" \
    -d "{\"token\":\"$token\",\"username\":\"admin\",\"password\":\"$password\"}"
  curl -fsS "http://127.0.0.1:$query_port/api/v1/auth/token" -d "username=admin&password=$password" \
    | sed -nE 's/.*"access_token": ?"([^"]+)".*/\1/p'
}

# check WHO PORT OPTION...
check() {
  local who="$1" port="$2"
  shift 2
  say "$who"
  # From a folder of its own: it keeps what it has found where it runs.
  (cd "$scratch" && "$st" --config-file "$config" run "http://127.0.0.1:$port/openapi.json" \
    --checks all --workers 1 --max-examples "$EXAMPLES" --seed "$SEED" --phases "$PHASES" --no-shrink --continue-on-failure --no-color "$@") \
    >"$LOG" 2>&1 || { tail -n 300 "$LOG"; die "$who"; }
  tail -n 12 "$LOG" | grep generated || die "$who: nothing was asked"
}

processes=()
install
mkdir -p target/ci
cargo build --quiet --locked -p ingest-svc -p query-svc -p sentinel-cli
scratch="$(mktemp -d)"
trap stop_all EXIT
st="$PWD/$VENV/bin/st" config="$PWD/tests/schemathesis/schemathesis.toml"
export SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$PWD/tests/schemathesis"
key="$(make_key)"
other_key="$(make_key --tenant other)"
ingest_port="$(free_port)"
query_port="$(free_port)"
start ingest-svc "$ingest_port" --wrong-keys-per-minute 1000000
# A stream without an end would be read for ever.
start query-svc "$query_port" --failed-logins-per-minute 1000000 --wrong-keys-per-minute 1000000 --tail-max-time 1s
store_logs "$key"
store_logs "$other_key"

# The one key in both headers: were there another in the second, the requests would be refused as twofold.
with() { printf '%s\n' -H "Authorization: Bearer $1" -H "X-API-Key: $1"; }
mapfile -t as_tenant < <(with "$key")
mapfile -t as_other < <(with "$other_key")
# Keys may end the very key that asks: they are left to somebody who asks without one.
readonly ADMINISTRATION='^/api/v1/(keys|users|audit|auth)'

check "ingest-svc, with a tenant's key" "$ingest_port" "${as_tenant[@]}"
check "ingest-svc, with another tenant's key" "$ingest_port" "${as_other[@]}"
check "ingest-svc, without a key" "$ingest_port"
check "query-svc, with a tenant's key" "$query_port" --exclude-path-regex "$ADMINISTRATION" "${as_tenant[@]}"
check "query-svc, with another tenant's key" "$query_port" --exclude-path-regex "$ADMINISTRATION" "${as_other[@]}"
check "query-svc, without a key" "$query_port"
mapfile -t as_admin < <(with "$(admin_token)")
check "query-svc, keys, users and the audit log, as an admin" "$query_port" --include-path-regex "$ADMINISTRATION" "${as_admin[@]}"
say "passed in $SECONDS s"
