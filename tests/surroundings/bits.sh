#!/usr/bin/env bash
# bits.sh same|refused <program> <compile command with flags>: compiles bits.cpp with some flags, and compares what it prints with the bits
# that the contract has; or shows that the headers refuse the flags.
set -euo pipefail
expected=$1 program=$2
shift 2

if [[ $expected == refused ]]; then
  if output=$(LC_ALL=C "$@" -fsyntax-only 2>&1); then
    echo "compiles with ${*: -1}" && exit 1
  fi
  grep -m1 -A1 'error:' <<<"$output" | tee /dev/stderr | grep -q 'rapt needs IEEE arithmetic'
  exit
fi

"$@" -o "$program"
"$program" | tee /dev/stderr | awk 'BEGIN { lines = 0 } { ++lines } $0 != "074cbc9e159c92ed" { exit 1 } END { if (lines < 2) exit 1 }'
