#!/usr/bin/env bash
# Proves by the machine code that a user's function is inlined into the loops over a tile's scores and vectorised there, on the
# instruction set of the region: otherwise it still gives the right results, at a fraction of the speed.
#
#     stage_loop.sh <objdump> <object> <compiler> <arguments>...
set -euo pipefail
objdump=$1 object=$2
shift 2
"$@" -o "$object"

"$objdump" --disassemble --no-show-raw-insn "$object" | awk '
  /^[0-9a-f]+ <.*>:$/ {
    name = substr($2, 2, length($2) - 3)
    # The loops by name, in the namespace of a region: change_lanes with the queries in the lanes, change_row with the keys.
    loop = ""
    if (name ~ /^_ZN4rapt[0-9]+v[0-9]+_[0-9]+_[a-z0-9_]+(6avx512|4avx2)1(2change_lanes|0change_row)I/) {
      loop = (name ~ /6avx5121/ ? "avx512 " : "avx2 ") (name ~ /change_lanes/ ? "change_lanes" : "change_row")
      arithmetic[loop] = calls[loop] = 0
      full = name ~ /6avx5121/ ? "%zmm" : "%ymm"
    }
    next
  }
  loop == "" { next }
  /\tv(add|sub|mul|fn?madd[0-9]*|fn?msub[0-9]*)ps[ \t]/ && index($0, full) { ++arithmetic[loop] }
  /\tcall/ { ++calls[loop]; print "CALL in " loop ": " $0 }
  END {
    for (loop in arithmetic) {
      printf "%-20s %3d instructions of float arithmetic in full registers, %d calls\n", loop, arithmetic[loop], calls[loop]
      if (arithmetic[loop] == 0 || calls[loop] != 0) { print "FAILED: " loop " is not vectorised"; failed = 1 }
      ++loops
    }
    if (loops != 4) { print "FAILED: " loops + 0 " loops were found, and not 4"; failed = 1 }
    exit failed
  }'
