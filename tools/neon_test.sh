#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernels' own tests compiled for 64-bit ARM and run under qemu-user, on NEON: no ARM machine is needed. Debian: dpkg --add-architecture arm64 && apt-get update && apt-get install g++-aarch64-linux-gnu qemu-user
# googletest; the ARM libraries are downloaded into a temporary folder and not installed.
set -eu
cd "$(dirname "$0")/.."
root=$PWD work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download libhwy1:arm64 libhwy-dev:arm64 libopenblas0-pthread:arm64 libopenblas-pthread-dev:arm64 libgfortran5:arm64)
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work"; done
lib=$work/usr/lib/aarch64-linux-gnu gtest=/usr/src/googletest/googletest
aarch64-linux-gnu-g++ -std=c++20 -O2 -I"$root" -I"$work/usr/include" -I"$work/usr/include/aarch64-linux-gnu/openblas-pthread" \
  -I"$gtest/include" -I"$gtest" superpose/kernels/*.cc superpose/kernels/ref/*.cc superpose/kernels/simd/*.cc \
  "$gtest/src/gtest-all.cc" "$gtest/src/gtest_main.cc" -o "$work/kernels_test" \
  -L"$lib" -L"$lib/openblas-pthread" -lhwy -lopenblas -Wl,-rpath-link,"$lib"
qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$lib:$lib/openblas-pthread:/usr/aarch64-linux-gnu/lib" \
  "$work/kernels_test"
