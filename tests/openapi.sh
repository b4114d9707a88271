#!/usr/bin/env bash
# The OpenAPI guard: openapi/*.json must be what the services print of themselves, and valid OpenAPI.
#   tests/openapi.sh           compares, and validates if Python is here
#   tests/openapi.sh --write   writes the files anew
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SERVICES=(ingest-svc query-svc)
readonly VENV=target/openapi-venv

print_openapi() { cargo run --quiet --locked -p "$1" -- --print-openapi; }

fresh="$(mktemp -d)"
trap 'rm -rf "$fresh"' EXIT

for service in "${SERVICES[@]}"; do
  print_openapi "$service" >"$fresh/$service.json"
done

if [ "${1:-}" = --write ]; then
  mkdir -p openapi
  cp "$fresh"/*.json openapi/
  exit 0
fi

for service in "${SERVICES[@]}"; do
  if ! diff -u "openapi/$service.json" "$fresh/$service.json"; then
    echo "openapi/$service.json is not what $service serves: run 'tests/openapi.sh --write'" >&2
    exit 1
  fi
done
echo "openapi: the files are what the services serve"

if [ ! -x "$VENV/bin/openapi-spec-validator" ]; then
  if ! python3 -m venv "$VENV" >/dev/null 2>&1; then
    echo "openapi: SKIPPED validation: no python3 with venv is here" >&2
    exit 0
  fi
  "$VENV/bin/pip" install --quiet openapi-spec-validator
fi
"$VENV/bin/openapi-spec-validator" openapi/*.json
