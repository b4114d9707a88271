#!/usr/bin/env bash
# Fuzzes every target for so many seconds each. Stops at the first input that a decoder cannot bear; it is then in artifacts/.
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
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 2>&1 | tail -n 12
done
