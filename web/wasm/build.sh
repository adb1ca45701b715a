#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the toy engine and the dial to WebAssembly: the sources of superpose/, with those of this folder in place of
# what a browser has not (threads, files, BLAS, exceptions, the choice of an instruction set). The result is committed,
# so that building superpose needs none of this; the same packages give the same bytes.
#
#   web/wasm/build.sh          into web/dist/engine.wasm
#   web/wasm/build.sh FILE     into FILE
#
# Debian: clang-14 lld-14 wasi-libc libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 libclang-rt-14-dev-wasm32
#         libhwy-dev nlohmann-json3-dev libfmt-dev libeigen3-dev
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/web/dist/engine.wasm}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
work=$root/build/wasm
rm -rf "$work"

# Header-only libraries on their own: /usr/include as a whole would bring another libc's headers.
mkdir -p "$work/include"
for library in /usr/include/hwy /usr/include/nlohmann /usr/include/fmt /usr/include/eigen3/Eigen; do
  ln -s "$library" "$work/include/"
done

cd "$root"
compiler=${WASM_CXX:-clang++-14}
sources="
  superpose/base/error.cc superpose/base/json.cc superpose/base/names.cc superpose/base/spec.cc
  superpose/features/correlation.cc superpose/features/laws.cc superpose/features/sampler.cc superpose/features/values.cc
  superpose/geometry/norms.cc superpose/geometry/overlap.cc superpose/geometry/rows.cc
  superpose/kernels/simd/simd.cc
  superpose/optimizer/adamw.cc superpose/optimizer/lion.cc superpose/optimizer/rules.cc superpose/optimizer/schedule.cc
  superpose/optimizer/sgd.cc
  superpose/study/dial.cc superpose/study/picture.cc
  superpose/toy/config.cc superpose/toy/cost.cc superpose/toy/fast_engine.cc superpose/toy/importance.cc
  superpose/toy/init.cc superpose/toy/reference_engine.cc superpose/toy/train.cc
  web/wasm/blas.cc web/wasm/exceptions.cc web/wasm/exports.cc web/wasm/file_counts.cc web/wasm/instruction_set.cc
  web/wasm/number.cc web/wasm/threads.cc"
# No streams and no locales, which weigh as much as the engine. Sizes have 32 bits here; what the dial admits fits. SIMD: 128 bits, which every browser has since 2021 (Safari: 2023).
# What a step spends its time in is compiled for speed, the rest for size.
optimisation() {
  case $1 in
    */simd.cc | */fast_engine.cc | */sampler.cc | */values.cc | */adamw.cc | */overlap.cc | */picture.cc | */blas.cc) echo -O2 ;;
    *) echo -Oz ;;
  esac
}
compile() {
  $compiler --target=wasm32-wasi -std=c++20 "$(optimisation "$1")" -msimd128 -fexceptions -DNDEBUG -I. -Iweb/wasm/include \
    -isystem "$work/include" -ffile-prefix-map="$work=." -DFMT_HEADER_ONLY -DHWY_COMPILE_ONLY_STATIC \
    -DJSON_HAS_FILESYSTEM=0 -DJSON_HAS_EXPERIMENTAL_FILESYSTEM=0 -DJSON_NO_IO -include errno.h -DFMT_STATIC_THOUSANDS_SEPARATOR="','" \
    -Wall -Wextra -Wconversion -Wshadow -Wno-sign-conversion -Wno-missing-field-initializers \
    -Wno-string-conversion -Wno-shorten-64-to-32 -Wno-tautological-constant-out-of-range-compare \
    -c "$1" -o "$work/$(echo "$1" | tr / _).o"
}
running=0
for source in $sources; do
  compile "$source" &
  pids="${pids:-} $!"
  running=$((running + 1))
  if [ "$running" -ge "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" ]; then
    for pid in $pids; do wait "$pid"; done
    pids= running=0
  fi
done
for pid in ${pids:-}; do wait "$pid"; done

clang++-14 --target=wasm32-wasi -mexec-model=reactor -O3 "$work"/*.o -o "$work/engine.wasm" \
  -Wl,--strip-all -Wl,-z,stack-size=1048576 -Wl,--max-memory=2147483648
mv "$work/engine.wasm" "$out"
chmod 644 "$out"
