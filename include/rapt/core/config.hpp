// The library's version, its namespace, and what it asks of the compiler.
#pragma once

#include "rapt/core/fence_begin.hpp"

#define RAPT_VERSION_MAJOR 0
#define RAPT_VERSION_MINOR 1
#define RAPT_VERSION_PATCH 0

// The version as one number, for #if RAPT_VERSION >= RAPT_VERSION_NUMBER(0, 2, 0), and in words.
#define RAPT_VERSION_NUMBER(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define RAPT_VERSION RAPT_VERSION_NUMBER(RAPT_VERSION_MAJOR, RAPT_VERSION_MINOR, RAPT_VERSION_PATCH)
#define RAPT_IN_WORDS(number) #number
#define RAPT_VERSION_WORDS(major, minor, patch) RAPT_IN_WORDS(major) "." RAPT_IN_WORDS(minor) "." RAPT_IN_WORDS(patch)
#define RAPT_VERSION_STRING RAPT_VERSION_WORDS(RAPT_VERSION_MAJOR, RAPT_VERSION_MINOR, RAPT_VERSION_PATCH)

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "rapt needs IEEE arithmetic (its results are the same in every bit): compile without -ffast-math and -Ofast"
#endif

// (Clang has no macros for the parts of -ffast-math; fence_begin.hpp turns them off. Nor has GCC one for this flag.)
static_assert(0.1 != static_cast<double>(0.1f),
              "rapt needs IEEE arithmetic: compile without -fsingle-precision-constant");

#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "rapt needs float arithmetic in float: on 32-bit x86, compile with -msse2 -mfpmath=sse"
#endif

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define RAPT_ARCH_X86_64 1
#else
#define RAPT_ARCH_X86_64 0
#endif

#if defined(__aarch64__) && defined(__ARM_NEON) && (defined(__GNUC__) || defined(__clang__))
#define RAPT_ARCH_AARCH64 1
#else
#define RAPT_ARCH_AARCH64 0
#endif

// Which kernels there are: one set for each instruction set, and the best that the CPU has runs. Each costs the
// compiler about a third of a file's time; a program that never runs where there is one, or has no need of its speed,
// may do without. The results are the same in every bit.
#if RAPT_ARCH_X86_64 && !defined(RAPT_WITHOUT_AVX2)
#define RAPT_HAS_AVX2 1
#define RAPT_KERNELS_AVX2
#else
#define RAPT_HAS_AVX2 0
#define RAPT_KERNELS_AVX2 _no_avx2
#endif
#if RAPT_ARCH_X86_64 && !defined(RAPT_WITHOUT_AVX512)
#define RAPT_HAS_AVX512 1
#define RAPT_KERNELS_WIDEST
#elif RAPT_ARCH_X86_64
#define RAPT_HAS_AVX512 0
#define RAPT_KERNELS_WIDEST _no_avx512
#else
#define RAPT_HAS_AVX512 0
#define RAPT_KERNELS_WIDEST
#endif
#if RAPT_ARCH_AARCH64 && !defined(RAPT_WITHOUT_NEON)
#define RAPT_HAS_NEON 1
#define RAPT_KERNELS_NEON
#elif RAPT_ARCH_AARCH64
#define RAPT_HAS_NEON 0
#define RAPT_KERNELS_NEON _no_neon
#else
#define RAPT_HAS_NEON 0
#define RAPT_KERNELS_NEON
#endif

// Two files of one program may be compiled with different -march flags, and then hold different machine code for the
// same inline function; were they to share a name, the linker would keep one of them, and an old CPU could meet
// instructions that it lacks. So the name of the inline namespace carries the baseline that the file was compiled for,
// as far as it matters to code like ours; which kernels there are; and whether it has exceptions.
#if defined(__AVX512F__)
#define RAPT_BASELINE_VECTOR _avx512
#elif defined(__AVX2__)
#define RAPT_BASELINE_VECTOR _avx2
#elif defined(__AVX__)
#define RAPT_BASELINE_VECTOR _avx
#elif defined(__SSE4_1__)
#define RAPT_BASELINE_VECTOR _sse4
#elif defined(__ARM_FEATURE_SVE)
#define RAPT_BASELINE_VECTOR _sve
#else
#define RAPT_BASELINE_VECTOR
#endif
#if defined(__AVX512FP16__)
#define RAPT_BASELINE_NARROW _fp16
#elif defined(__AVX512VNNI__)
#define RAPT_BASELINE_NARROW _vnni
#elif defined(__FMA__)
#define RAPT_BASELINE_NARROW _fma
#else
#define RAPT_BASELINE_NARROW
#endif
#if defined(__BMI2__)
#define RAPT_BASELINE_INTEGER _bmi2
#elif defined(__ARM_FEATURE_ATOMICS)
#define RAPT_BASELINE_INTEGER _lse
#else
#define RAPT_BASELINE_INTEGER
#endif

#if defined(__cpp_exceptions)
#define RAPT_EXCEPTIONS 1
#define RAPT_ERRORS
#else
#define RAPT_EXCEPTIONS 0
#define RAPT_ERRORS _noexcept
#endif

// A program that links rapt::compiled, a library of kernels that are compiled once, is told so by its build system.
// Then the headers declare those instead of making them again in each file; with those for 16-bit elements, if Eigen
// was there to compile them with.
#ifndef RAPT_COMPILED
#define RAPT_COMPILED 0
#endif
#ifndef RAPT_COMPILED_NARROW
#define RAPT_COMPILED_NARROW 0
#endif
// What stands before the name of such a kernel: the library itself says `template`.
#ifndef RAPT_PART
#define RAPT_PART extern template
#endif

#define RAPT_JOINED(major, minor, patch, vector, narrow, integer, avx2, widest, neon, errors) \
  v##major##_##minor##_##patch##vector##narrow##integer##avx2##widest##neon##errors
#define RAPT_JOIN(...) RAPT_JOINED(__VA_ARGS__)
#define RAPT_ABI                                                                                                    \
  RAPT_JOIN(RAPT_VERSION_MAJOR, RAPT_VERSION_MINOR, RAPT_VERSION_PATCH, RAPT_BASELINE_VECTOR, RAPT_BASELINE_NARROW, \
            RAPT_BASELINE_INTEGER, RAPT_KERNELS_AVX2, RAPT_KERNELS_WIDEST, RAPT_KERNELS_NEON, RAPT_ERRORS)

// clang-format off
#define RAPT_NAMESPACE_BEGIN namespace rapt { inline namespace RAPT_ABI {
#define RAPT_NAMESPACE_END } }
// clang-format on

#if defined(__GNUC__) || defined(__clang__)
#define RAPT_INLINE inline __attribute__((always_inline))
#define RAPT_NOINLINE __attribute__((noinline))
#define RAPT_RESTRICT __restrict__
#else
#define RAPT_INLINE inline
#define RAPT_NOINLINE
#define RAPT_RESTRICT
#endif

// Register tiles live in arrays; only when the loops over them are unrolled whole does a compiler keep them
// in registers. GCC and Clang do it at -O2 only if they are told to (without: a third of the speed).
#if defined(__clang__)
#define RAPT_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define RAPT_UNROLL _Pragma("GCC unroll 64")
#else
#define RAPT_UNROLL
#endif

#include "rapt/core/fence_end.hpp"
