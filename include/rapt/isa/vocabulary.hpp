// The vector vocabulary of every instruction set, and the choice among what has been built on it.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rapt/core/fp8.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/pair.hpp"
#include "rapt/core/types.hpp"
#include "rapt/core/wanted.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/isa/region.hpp"

#define RAPT_EACH_REGION "rapt/isa/vocabulary-inl.hpp"
#include "rapt/isa/each_region.hpp"

/// What the region of an instruction set makes of an expression, which has the same type in all of them:
/// RAPT_OF_REGION(isa, kernel<T>()).
#define RAPT_OF_REGION(isa, ...)                                                           \
  (static_cast<void>(isa), RAPT_IF_AVX512(isa, __VA_ARGS__) RAPT_IF_AVX2(isa, __VA_ARGS__) \
                               RAPT_IF_NEON(isa, __VA_ARGS__) generic::__VA_ARGS__)
/// The same of what pairs of bfloat16 are multiplied in: elsewhere an instruction set that has more for those makes the
/// same machine code as the one below it, and so has none of its own.
#define RAPT_OF_PAIR_REGION(isa, ...) (RAPT_IF_AVX512BF16(isa, __VA_ARGS__) RAPT_OF_REGION(isa, __VA_ARGS__))
/// The same of what is made of integers, four by four.
#define RAPT_OF_QUAD_REGION(isa, ...) (RAPT_IF_AVX512VNNI(isa, __VA_ARGS__) RAPT_OF_REGION(isa, __VA_ARGS__))
#if RAPT_HAS_AVX512
#define RAPT_IF_AVX512(isa, ...) (isa) >= ::rapt::Isa::avx512 ? avx512::__VA_ARGS__:
#define RAPT_IF_AVX512BF16(isa, ...) (isa) == ::rapt::Isa::avx512bf16 ? avx512bf16::__VA_ARGS__:
#define RAPT_IF_AVX512VNNI(isa, ...) (isa) >= ::rapt::Isa::avx512vnni ? avx512vnni::__VA_ARGS__:
#else
#define RAPT_IF_AVX512(isa, ...)
#define RAPT_IF_AVX512VNNI(isa, ...)
#define RAPT_IF_AVX512BF16(isa, ...)
#endif
#if RAPT_HAS_AVX2
#define RAPT_IF_AVX2(isa, ...) (isa) == ::rapt::Isa::avx2 ? avx2::__VA_ARGS__:
#else
#define RAPT_IF_AVX2(isa, ...)
#endif
#if RAPT_HAS_NEON
#define RAPT_IF_NEON(isa, ...) (isa) == ::rapt::Isa::neon ? neon::__VA_ARGS__:
#else
#define RAPT_IF_NEON(isa, ...)
#endif

#include "rapt/core/fence_end.hpp"
