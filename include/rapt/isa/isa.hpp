// The instruction sets: their names, which of them this CPU has, and which one runs.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "rapt/core/config.hpp"
#include "rapt/core/error.hpp"

#if RAPT_ARCH_X86_64
#include <cpuid.h>
#endif

RAPT_NAMESPACE_BEGIN

/// An instruction set that the kernels are compiled for, in ascending order of preference.
enum class Isa { generic, neon, avx2, avx512 };

/// All of them, in the same order.
inline constexpr Isa all_isas[] = {Isa::generic, Isa::neon, Isa::avx2, Isa::avx512};

constexpr std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::neon: return "neon";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::generic: break;
  }
  return "generic";
}

namespace detail {

#if RAPT_ARCH_X86_64
/// Conversions to and from 16 bits, which came before AVX2 on every CPU; some compilers' builtins don't know them.
/// Asked once: in a virtual machine each cpuid is a call of the hypervisor and takes microseconds, and every call of
/// the library that names its instruction set comes by here. (What the builtins know was asked when the program
/// started.)
inline bool cpu_has_f16c() {
  static const bool has = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  }();
  return has;
}
#endif

inline bool cpu_has(Isa isa) {
  switch (isa) {
    case Isa::generic: return true;
    case Isa::neon: return RAPT_ARCH_AARCH64 != 0;
#if RAPT_ARCH_X86_64
    // The builtins also ask whether the operating system saves the wide registers.
    case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c();
    case Isa::avx512:
      return cpu_has(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    case Isa::avx2:
    case Isa::avx512: break;
#endif
  }
  return false;
}

}  // namespace detail

/// Whether this program has kernels for `isa` and this CPU can run them.
inline bool supported(Isa isa) { return detail::cpu_has(isa); }

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

/// The instruction set called `wanted`; throws unless it exists and can run here.
inline Isa isa_named(std::string_view wanted, const char* argument) {
  for (Isa isa : all_isas) {
    if (wanted != name(isa)) continue;
    if (!supported(isa))
      fail(argument, {"is ", wanted, ", which this CPU or this build lacks"},
           {"it has to be one of: ", supported_names()});
    return isa;
  }
  fail(argument, {"is '", wanted, "', which is no instruction set"}, {"it has to be one of: ", supported_names()});
}

inline Isa choose_isa() {
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
