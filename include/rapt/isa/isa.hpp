// The instruction sets: their names, which of them this CPU has, and which one runs.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "rapt/core/config.hpp"
#include "rapt/core/error.hpp"
#include "rapt/isa/cpu.hpp"

RAPT_NAMESPACE_BEGIN

/// An instruction set that the kernels are compiled for, in ascending order of preference. avx512vnni is avx512 and the
/// dot product of 8-bit integers, avx512bf16 is that and the dot product of bfloat16: what has no use for those runs,
/// and says that it runs, the kernels of avx512.
enum class Isa { generic, neon, avx2, avx512, avx512vnni, avx512bf16 };

/// All of them, in the same order.
inline constexpr Isa all_isas[] = {Isa::generic, Isa::neon, Isa::avx2, Isa::avx512, Isa::avx512vnni, Isa::avx512bf16};

constexpr std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::neon: return "neon";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::avx512vnni: return "avx512vnni";
    case Isa::avx512bf16: return "avx512bf16";
    case Isa::generic: break;
  }
  return "generic";
}

namespace detail {

/// Whether this program has kernels for it.
constexpr bool built_for(Isa isa) {
  switch (isa) {
    case Isa::neon: return RAPT_HAS_NEON != 0;
    case Isa::avx2: return RAPT_HAS_AVX2 != 0;
    case Isa::avx512:
    case Isa::avx512vnni:
    case Isa::avx512bf16: return RAPT_HAS_AVX512 != 0;
    case Isa::generic: break;
  }
  return true;
}

inline bool cpu_has(Isa isa) {
  switch (isa) {
    case Isa::generic: return true;
    case Isa::neon: return RAPT_ARCH_AARCH64 != 0;
#if RAPT_ARCH_X86_64
    case Isa::avx2: return cpu().avx2;
    case Isa::avx512: return cpu().avx512;
    case Isa::avx512vnni: return cpu().avx512vnni;
    case Isa::avx512bf16: return cpu().avx512bf16;
#else
    case Isa::avx2:
    case Isa::avx512:
    case Isa::avx512vnni:
    case Isa::avx512bf16: break;
#endif
  }
  return false;
}

}  // namespace detail

/// Whether this program has kernels for `isa` and this CPU can run them.
inline bool supported(Isa isa) { return detail::built_for(isa) && detail::cpu_has(isa); }

/// Every instruction set that could run here, the best one last.
inline std::vector<Isa> supported_isas() {
  std::vector<Isa> found;
  for (Isa isa : all_isas)
    if (supported(isa)) found.push_back(isa);
  return found;
}

namespace detail {

inline std::string supported_names() {
  std::string names;
  for (Isa isa : supported_isas()) {
    if (!names.empty()) names += ", ";
    names += name(isa);
  }
  return names;
}

/// What to say of an instruction set that can't run: whether a program with other kernels, or another machine, is what
/// it takes.
inline const char* why_not(Isa isa) {
  if (built_for(isa)) return "which this CPU, or its operating system, lacks";
  if (isa == Isa::neon ? RAPT_ARCH_AARCH64 != 0 : RAPT_ARCH_X86_64 != 0)
    return "which this program was compiled without: RAPT_WITHOUT_AVX2, RAPT_WITHOUT_AVX512 or RAPT_WITHOUT_NEON";
  return isa == Isa::neon ? "which is for 64-bit ARM, and this program is not"
                          : "which is for x86-64, and this program, or its compiler, is not";
}

/// Throws if this was compiled as if there were no NaN or infinity, and the compiler has kept quiet about it. Before
/// Clang 17, the fence keeps such flags out.
inline void check_arithmetic() {
#if defined(__clang__) && __clang_major__ >= 17
  static const bool honours = [] {
    volatile float zero = 0;
    return rapt_honours_nan(zero) && rapt_honours_infinity(zero);
  }();
  if (!honours)
    fail("arithmetic", "has no NaN or no infinity in this program",
         "rapt needs IEEE arithmetic: compile without -fno-honor-nans and -fno-honor-infinities");
#endif
}

/// The instruction set called `wanted`; throws unless it exists and can run here.
inline Isa isa_named(std::string_view wanted, const char* argument) {
  check_arithmetic();
  for (Isa isa : all_isas) {
    if (wanted != name(isa)) continue;
    if (!supported(isa))
      fail(argument, {"is ", wanted, ", ", why_not(isa)}, {"it has to be one of: ", supported_names()});
    return isa;
  }
  fail(argument, {"is '", wanted, "', which is no instruction set"}, {"it has to be one of: ", supported_names()});
}

inline Isa choose_isa() {
  check_arithmetic();
  const char* forced = std::getenv("RAPT_ISA");
  if (forced != nullptr && *forced != '\0') return isa_named(forced, "RAPT_ISA");
  return supported_isas().back();
}

}  // namespace detail

/// The instruction set that runs unless a call asks for another: the best one that the CPU has, or the one that the
/// environment variable RAPT_ISA names (read once, when first needed). Throws std::invalid_argument when RAPT_ISA can't
/// be had.
inline Isa active_isa() {
  static const Isa isa = detail::choose_isa();
  return isa;
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
