#!/usr/bin/env bash
# Proves by the machine code that each function was compiled for the instruction set of its namespace: one that leaks out of its
# region, or does not reach into it, is either a crash on an older CPU or a kernel at a fraction of its speed.
#
#     region_leak.sh <objdump> <object> <compiler> <arguments>...
set -euo pipefail
objdump=$1 object=$2
shift 2
"$@" -o "$object"

"$objdump" --disassemble --no-show-raw-insn "$object" | awk '
  /^[0-9a-f]+ <.*>:$/ {
    name = substr($2, 2, length($2) - 3)
    # Mangled names: the region is the namespace that follows the version, not one that is only named by an argument.
    if (name ~ /^_ZN4rapt[0-9]+v[0-9]+_[0-9]+_[a-z0-9_]+10avx512bf16/) region = "avx512bf16"
    else if (name ~ /^_ZN4rapt[0-9]+v[0-9]+_[0-9]+_[a-z0-9_]+10avx512vnni/) region = "avx512vnni"
    else if (name ~ /^_ZN4rapt[0-9]+v[0-9]+_[0-9]+_[a-z0-9_]+6avx512/) region = "avx512"
    else region = name ~ /^_ZN4rapt[0-9]+v[0-9]+_[0-9]+_[a-z0-9_]+4avx2/ ? "avx2" : "ordinary"
    ++functions[region]
    next
  }
  function leak(what) {
    if (++leaks <= 20) print "LEAK: " what " in the " region " function " name ": " $0
  }
  /\tv(dpbf16|cvtne)/ { if (region != "avx512bf16") leak("AVX512_BF16"); else if (/dpbf16.*%zmm/) ++fma[region]; next }
  /\tvpdp/ { if (region != "avx512vnni") leak("AVX512_VNNI"); else if (/%zmm/) ++fma[region]; next }
  /%zmm/ { if (region !~ /^avx512/) leak("zmm"); else if (/vfmadd/ && region == "avx512") ++fma[region]; next }
  /%[xy]mm(1[6-9]|2[0-9]|3[01])|\{%k[0-7]\}/ { if (region !~ /^avx512/) leak("AVX-512VL"); next }
  /%ymm/ { if (region == "ordinary") leak("ymm"); else if (/vfmadd/) ++fma[region]; next }
  /\tv[a-z0-9]+ .*%xmm/ { if (region == "ordinary") leak("VEX-encoded instruction"); next }
  END {
    for (region in functions) printf "%-10s %5d functions, %5d multiply-adds or dot products in full registers\n", region, functions[region], fma[region]
    if (!fma["avx512bf16"] || !fma["avx512vnni"] || !fma["avx512"] || !fma["avx2"]) { print "FAILED: a region has no fused multiply-adds in its own registers"; exit 1 }
    if (leaks) { print "FAILED: " leaks " leaks"; exit 1 }
  }'
