#!/usr/bin/env bash
# Runs every target, or those named, for FUZZ_SECONDS each. Stable toolchain, no cargo-fuzz: libFuzzer comes as a crate, and
# the compiler puts in the counters that it follows. New inputs and findings lie under target/fuzz and are not committed; an
# input that broke something goes to corpus/<target> under a name that says what it was, with the mend.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-60}
export CARGO_TARGET_DIR=../../target/fuzz
host=$(rustc -vV | awk '/^host:/ { print $2 }')
# With --target these flags leave build scripts alone.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --quiet --locked --release --target "$host" --bins

targets=("$@")
if [ $# = 0 ]; then mapfile -t targets < <(ls corpus); fi
failed=0
for target in "${targets[@]}"; do
  found=$CARGO_TARGET_DIR/found/$target
  artifacts=$CARGO_TARGET_DIR/artifacts/$target
  mkdir -p "$found" "$artifacts"
  log=$artifacts.log
  state=ok
  "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$artifacts/" \
    "$found" "corpus/$target" >"$log" 2>&1 || state=FAILED
  # Without counters the fuzzer would run blindly and never find anything.
  grep -q ' cov: [1-9]' "$log" || state="FAILED: no coverage"
  first=$(grep -om1 'INITED cov: [0-9]*' "$log" | grep -o '[0-9]*$' || echo '?')
  last=$(grep -o ' cov: [0-9]*' "$log" | tail -n 1 | grep -o '[0-9]*$' || echo '?')
  runs=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
  printf '%-12s %10s runs  coverage %5s → %-5s  %s\n' "$target" "${runs:-?}" "$first" "$last" "$state"
  if [ "$state" != ok ]; then tail -n 20 "$log"; failed=1; fi
done
exit $failed
