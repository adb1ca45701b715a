#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets with clang and runs them for SECONDS in total (default 60), from the seeds of make_corpus.py
# and whatever earlier runs found. Prints executions and coverage of each; fails on a crash, leak, timeout or more than
# 512 MB. What failed is left in build/fuzz/found/ and can be given to the target as its argument.
# As many targets at a time as there are cores: SECONDS is the sum of their times.
set -eu
seconds=${1:-60}
cd "$(dirname "$0")/../.."
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
ninja -C build/fuzz fuzz_targets >/dev/null || { ninja -C build/fuzz fuzz_targets; exit 1; }

targets=$(cd tests/fuzz && ls fuzz_*.cc | sed "s/\.cc$//")
work=build/fuzz/corpus
python3 tests/fuzz/make_corpus.py "$work/seeds"
mkdir -p build/fuzz/found
each=$((seconds / $(echo $targets | wc -w)))
[ "$each" -gt 0 ] || each=1
# The address sanitizer keeps freed memory aside; by default that alone may take half of the limit.
export ASAN_OPTIONS="quarantine_size_mb=32${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
fuzz() {
  target=$1
  mkdir -p "$work/$target"
  log=build/fuzz/$target.log
  status=ok
  "build/fuzz/bin/$target" -max_total_time="$each" -rss_limit_mb=512 -timeout=10 -max_len=4096 -print_final_stats=1 \
    -dict=tests/fuzz/words.dict -artifact_prefix="build/fuzz/found/$target-" \
    "$work/$target" "$work/seeds/$target" >"$log" 2>&1 || status=FAILED
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  echo "$target: $status, ${runs:-0} executions, ${coverage:-0} edges covered, $each s"
  [ "$status" = ok ] || { tail -40 "$log"; return 1; }
}
failed=0
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
pids=
running=0
for target in $targets; do
  fuzz "$target" &
  pids="$pids $!"
  running=$((running + 1))
  if [ "$running" -ge "$cores" ]; then
    for pid in $pids; do wait "$pid" || failed=1; done
    pids= running=0
  fi
done
for pid in $pids; do wait "$pid" || failed=1; done
exit $failed
