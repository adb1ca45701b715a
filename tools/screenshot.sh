#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pictures of a report page, for people who work on it: laptop and phone width, light and dark, and print.
#
#   tools/screenshot.sh report.html OUT_DIR [HEIGHT]     writes laptop.png phone.png dark.png print-*.png
#
# Needs Chromium; print-*.png needs pdftoppm (poppler-utils). HEIGHT: pixels of page to show (default 9000).
set -eu
[ $# -ge 2 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }
page=$(realpath "$1")
out=$2
height=${3:-9000}
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} ||
  { echo "screenshot.sh: no Chromium found; set CHROMIUM" >&2; exit 5; }
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# chrome PAGE FLAGS..: one headless run, no network, a throw-away profile.
chrome() {
  shown=$1
  shift
  "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" \
    --virtual-time-budget=4000 "$@" "file://$shown" 2>/dev/null
}

chrome "$page" --screenshot="$out/laptop.png" --window-size=1280,"$height"
chrome "$page" --screenshot="$out/dark.png" --blink-settings=preferredColorScheme=0 --window-size=1280,"$height"
# Headless Chromium refuses windows narrower than 500 px, so the phone is a frame of 375 px inside a wider one.
frame="$profile/phone.html"
printf '<body style="margin:0"><iframe src="file://%s" style="border:0;width:375px;height:%spx"></iframe>' "$page" "$height" >"$frame"
chrome "$frame" --screenshot="$out/phone.png" --allow-file-access-from-files --window-size=500,"$height"
if command -v pdftoppm >/dev/null; then
  chrome "$page" --print-to-pdf="$out/print.pdf" --no-pdf-header-footer --window-size=1280,900
  pdftoppm -r 60 -png "$out/print.pdf" "$out/print"
fi
ls "$out"
