#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rebuilds web/dist from web/src. Needs Node 18.20 or later and, the first time, the npm registry.
# Building superpose itself needs neither: dist/ is committed.
#
#   web/build.sh          into web/dist
#   web/build.sh DIR      into DIR
set -eu
out=${1:-$(dirname "$0")/dist}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")"
# npm writes node_modules/.package-lock.json last; an older one belongs to another lock file.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --ignore-scripts
node_modules/.bin/tsc --noEmit
node build.mjs "$out"
