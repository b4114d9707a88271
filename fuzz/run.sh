#!/usr/bin/env bash
# Fuzzes every target for so many seconds each, from the inputs in seeds/ and what earlier runs found in corpus/. Stops at the
# first input that a decoder cannot bear; it is then in artifacts/.
#   fuzz/run.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds="${1:-60}"
targets=("${@:2}")
if [ "${#targets[@]}" -eq 0 ]; then
  mapfile -t targets < <(cargo fuzz list --fuzz-dir .)
fi
# cargo-fuzz needs options of the compiler that a stable toolchain keeps behind this variable.
export RUSTC_BOOTSTRAP=1
# Without an address sanitizer: there is one line of unsafe code in the project, and none in a decoder.
options=(--fuzz-dir . --sanitizer none)
for target in "${targets[@]}"; do
  cargo fuzz build "${options[@]}" "$target"
  echo "== $target, $seconds s"
  mkdir -p "corpus/$target"
  log="target/$target.log"
  # libFuzzer writes what it finds to the first folder only.
  if ! cargo fuzz run "${options[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
    tail -n 80 "$log"
    exit 1
  fi
  grep -E '^(Done|stat::)' "$log"
done
