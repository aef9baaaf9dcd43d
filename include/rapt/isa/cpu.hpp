// What this CPU has: asked of the CPU itself, as the built-in functions for it need a compiler's runtime that knows it,
// and some programs are linked without one.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/config.hpp"

#if RAPT_ARCH_X86_64
#include <cpuid.h>

RAPT_NAMESPACE_BEGIN
namespace detail {

/// As far as there are kernels for it.
struct Cpu {
  bool avx2 = false;        // with FMA and conversions of 16 bits (F16C)
  bool avx512 = false;      // F, BW, DQ and VL, and all of avx2
  bool avx512vnni = false;  // and the dot product of 8-bit integers
  bool avx512bf16 = false;  // and the dot product of bfloat16
};

/// Register XCR0: which registers the operating system saves when it switches threads. (The instruction by its bytes,
/// as a compiler only knows its name if it compiles for CPUs that have it.)
inline unsigned saved_registers() {
  unsigned low = 0, high = 0;
  __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

/// Bits as in Intel's Software Developer's Manual, volume 2, CPUID: leaf 1, and leaf 7 with subleaves 0 and 1; volume
/// 1, chapter 13: XCR0.
inline Cpu ask_cpu() {
  constexpr unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;  // leaf 1, ecx
  constexpr unsigned avx2 = 1u << 5, avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;   // leaf 7, ebx
  constexpr unsigned xmm_and_ymm = 1u << 1 | 1u << 2;                                      // XCR0
  constexpr unsigned vnni = 1u << 11;                                                      // leaf 7, ecx
  constexpr unsigned bf16 = 1u << 5;                                                       // leaf 7, subleaf 1, eax
  constexpr unsigned wanted = fma | osxsave | avx | f16c;
  Cpu cpu;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & wanted) != wanted) return cpu;
  const unsigned saved = saved_registers();
  if ((saved & xmm_and_ymm) != xmm_and_ymm || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return cpu;
  cpu.avx2 = (b & avx2) == avx2;
#if defined(__APPLE__)
  const bool saves_zmm = true;  // macOS begins to, for a thread, when it first uses them
#else
  constexpr unsigned masks_and_zmm = 1u << 5 | 1u << 6 | 1u << 7;  // XCR0
  const bool saves_zmm = (saved & masks_and_zmm) == masks_and_zmm;
#endif
  cpu.avx512 = cpu.avx2 && (b & avx512) == avx512 && saves_zmm;
  cpu.avx512vnni = cpu.avx512 && (c & vnni) != 0;
  cpu.avx512bf16 = cpu.avx512vnni && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & bf16) != 0;
  return cpu;
}

/// Asked once: in a virtual machine each cpuid is a call of the hypervisor and takes microseconds, and every call of
/// the library that names its instruction set comes by here.
inline const Cpu& cpu() {
  static const Cpu cpu = ask_cpu();
  return cpu;
}

}  // namespace detail
RAPT_NAMESPACE_END
#endif

#include "rapt/core/fence_end.hpp"
