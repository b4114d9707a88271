#!/usr/bin/env bash
# Log shippers and client libraries as their users run them, against the running program: everything that they send has to
# be found, once.
#
#   tests/shippers/run.sh             all of them, one after the other
#   tests/shippers/run.sh NAME...     only these: elasticsearch, rsyslog, ...
#
# A client is one file beside this one, NAME.py or NAME.sh, that exits with 0 when nothing was lost and nothing is there
# twice, and with 77 when something that it needs is missing. In its environment it finds
#   SENTINEL_URL           where logs are sent and asked for: SENTINEL_INGEST_URL and SENTINEL_QUERY_URL say the same
#   SENTINEL_KEY           a key for both, of a tenant of its own
#   SENTINEL_SHIPPER_DIR   an empty folder of its own
#   SENTINEL_SYSLOG_ADDRESS where syslog is taken, over UDP and TCP: what comes there is of the tenant of syslog.sh
# and, in a comment of its first lines, says what it needs:
#   # requires: elasticsearch requests          packages from PyPI, which are there when it runs
#   # requires-debian: rsyslog                  packages of Debian, unpacked in $SENTINEL_DEBIAN_ROOT, not installed
#
# Without Python, the packages or a way to them it says so and goes on; with CI_REQUIRE_SHIPPERS=1 that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/ports.sh

readonly VENVS="$PWD/target/shippers/venv"
readonly DEBIAN="$PWD/target/shippers/debian"
readonly START_TIMEOUT_S=60
readonly MISSING=77

say() { printf 'shippers: %s\n' "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
skip() {
  [ "${CI_REQUIRE_SHIPPERS:-0}" != 1 ] || die "$* (CI_REQUIRE_SHIPPERS=1)"
  say "SKIPPED: $*"
}

# needs FILE WORD: what a client's comment asks for.
needs() { sed -nE "1,20s/^# $2: //p" "$1"; }

# python_for FILE: makes an environment with what a client needs from PyPI, and prints its Python.
python_for() {
  local venv packages
  venv="$VENVS/$(basename "$1")"
  packages="$(needs "$1" requires)"
  if [ "$(cat "$venv/packages" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2 || return 1
    # shellcheck disable=SC2086  # a list of words
    [ -z "$packages" ] || "$venv/bin/pip" install --quiet --disable-pip-version-check $packages >&2 || return 1
    printf '%s' "$packages" >"$venv/packages"
  fi
  printf '%s\n' "$venv/bin/python"
}

# debian_for FILE: unpacks what a client needs of Debian, with what that needs and is not installed; installs nothing.
debian_for() {
  local packages root package
  packages="$(needs "$1" requires-debian)"
  root="$DEBIAN/$(basename "$1")"
  [ -n "$packages" ] || return 0
  if [ ! -e "$root/complete" ]; then
    command -v apt-get >/dev/null || return 1
    rm -rf "$root"
    mkdir -p "$root/archives/partial"
    # shellcheck disable=SC2086  # a list of words
    apt-get install -q -y --download-only --no-install-recommends -o Debug::NoLocking=1 \
      -o Dir::Cache::archives="$root/archives" $packages >"$root/log" 2>&1 || { tail -n 3 "$root/log" >&2; return 1; }
    for package in "$root"/archives/*.deb; do dpkg -x "$package" "$root"; done
    touch "$root/complete"
  fi
  printf '%s\n' "$root"
}

# new_key TENANT SCOPES: makes a key.
new_key() { target/debug/sentinel keys create --data-dir "$scratch/data" --tenant "$1" --scopes "$2"; }

# start: the program, with both services on one address and syslog on another. How full this disk is does not matter here.
start() {
  local deadline=$((SECONDS + START_TIMEOUT_S))
  new_key syslog ingest >"$scratch/syslog.key"
  target/debug/sentinel up --data-dir "$scratch/data" --listen "127.0.0.1:$port" --log-format json --disk-reserve 0 \
    --syslog-listen "$syslog" --syslog-key-file "$scratch/syslog.key" \
    >"$scratch/sentinel.out" 2>"$scratch/sentinel.log" &
  process=$!
  until curl -fs -o /dev/null "http://127.0.0.1:$port/readyz"; do
    [ "$SECONDS" -lt "$deadline" ] || die "not ready within $START_TIMEOUT_S s: $(tail -n 3 "$scratch/sentinel.log")"
    sleep 0.2
  done
}

stop() {
  local code=$?
  trap - EXIT
  [ -z "$process" ] || kill "$process" 2>/dev/null || true
  wait
  rm -rf "$scratch"
  exit "$code"
}

# run_client FILE: 0, MISSING, or what it exits with.
run_client() {
  local file="$1" name folder debian
  local interpreter=(bash)
  name="$(basename "${file%.*}")"
  folder="$scratch/$name"
  mkdir -p "$folder"
  if [[ "$file" == *.py ]]; then
    # Isolated: a script beside it may have the name of a package.
    interpreter=("$(python_for "$file")" -I)
    [ -n "${interpreter[0]}" ] || return "$MISSING"
  fi
  debian="$(debian_for "$file")" || return "$MISSING"
  SENTINEL_KEY="$(new_key "$name" ingest,read)" SENTINEL_SYSLOG_ADDRESS="$syslog" SENTINEL_URL="$url" \
    SENTINEL_INGEST_URL="$url" SENTINEL_QUERY_URL="$url" \
    SENTINEL_SHIPPER_DIR="$folder" SENTINEL_DEBIAN_ROOT="$debian" "${interpreter[@]}" "$file"
}

process=""
files=(tests/shippers/*.py tests/shippers/*.sh)
cargo build --quiet --locked -p sentinel-cli
scratch="$(mktemp -d)"
trap stop EXIT
port="$(free_port)"
url="http://127.0.0.1:$port"
syslog="127.0.0.1:$(free_port)"
start

failed=() ran=0
for file in "${files[@]}"; do
  name="$(basename "${file%.*}")"
  [ "$name" != run ] || continue
  [ "$#" -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  ran=$((ran + 1))
  say "$name"
  code=0
  run_client "$file" || code=$?
  case "$code" in
    0) say "$name: ok" ;;
    "$MISSING") skip "$name: something that it needs is missing" ;;
    *) say "$name: FAILED ($code)" >&2; failed+=("$name") ;;
  esac
done
[ "$ran" -gt 0 ] || die "there is no client $*"
[ "${#failed[@]}" -eq 0 ] || { tail -n 5 "$scratch/sentinel.log" >&2; die "${failed[*]}"; }
say "passed in $SECONDS s"
