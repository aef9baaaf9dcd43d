// Includes the file that RAPT_EACH_REGION names once for each instruction set, between the marks of its region:
//
//     #define RAPT_EACH_REGION "rapt/kernel/all-inl.hpp"
//     #include "rapt/isa/each_region.hpp"
//
// RAPT_VOCABULARY names the region's vector vocabulary, and RAPT_PAIRS that of pairs of bfloat16, which
// isa/vocabulary.hpp includes: every other such file includes that header first. RAPT_QUADS names that of integers, for
// which there is a region more: a file that is to be in it defines RAPT_EACH_REGION_OF_QUADS as well. No include guard,
// as each file that goes through the regions includes this one again.
#include "rapt/isa/region.hpp"

#if RAPT_HAS_AVX2 || RAPT_HAS_AVX512
#include <immintrin.h>
#elif RAPT_HAS_NEON
#include <arm_neon.h>
#endif

#ifdef RAPT_EACH_REGION

#define RAPT_REGION generic
#define RAPT_VOCABULARY "rapt/isa/generic/vector-inl.hpp"
#define RAPT_PAIRS "rapt/isa/generic/pairs-inl.hpp"
#define RAPT_QUADS "rapt/isa/generic/quads-inl.hpp"
#include RAPT_EACH_REGION
#undef RAPT_QUADS
#undef RAPT_PAIRS
#undef RAPT_VOCABULARY
#undef RAPT_REGION

#if RAPT_HAS_AVX2
#define RAPT_REGION avx2
#define RAPT_VOCABULARY "rapt/isa/avx2/vector-inl.hpp"
#define RAPT_PAIRS "rapt/isa/avx2/pairs-inl.hpp"
#define RAPT_QUADS "rapt/isa/avx2/quads-inl.hpp"
RAPT_REGION_BEGIN_AVX2
#include RAPT_EACH_REGION
RAPT_REGION_END
#undef RAPT_QUADS
#undef RAPT_PAIRS
#undef RAPT_VOCABULARY
#undef RAPT_REGION
#endif

#if RAPT_HAS_AVX512
#define RAPT_REGION avx512
#define RAPT_VOCABULARY "rapt/isa/avx512/vector-inl.hpp"
#define RAPT_PAIRS "rapt/isa/avx512/pairs-inl.hpp"
#define RAPT_QUADS "rapt/isa/avx512/quads-inl.hpp"
RAPT_REGION_BEGIN_AVX512
#include RAPT_EACH_REGION
RAPT_REGION_END
#undef RAPT_QUADS
#undef RAPT_PAIRS
#undef RAPT_VOCABULARY
#undef RAPT_REGION

// What is made of quads has no use for pairs.
#ifndef RAPT_EACH_REGION_OF_QUADS
#define RAPT_REGION avx512bf16
#define RAPT_VOCABULARY "rapt/isa/avx512/vector-inl.hpp"
#define RAPT_PAIRS "rapt/isa/avx512bf16/pairs-inl.hpp"
RAPT_REGION_BEGIN_AVX512BF16
#include RAPT_EACH_REGION
RAPT_REGION_END
#undef RAPT_PAIRS
#undef RAPT_VOCABULARY
#undef RAPT_REGION
#else
// It has the vocabulary of avx512.
#define RAPT_REGION avx512vnni
#define RAPT_QUADS "rapt/isa/avx512vnni/quads-inl.hpp"
RAPT_REGION_BEGIN_AVX512VNNI
#include RAPT_EACH_REGION
RAPT_REGION_END
#undef RAPT_QUADS
#undef RAPT_REGION
#endif
#endif

#if RAPT_HAS_NEON
#define RAPT_REGION neon
#define RAPT_VOCABULARY "rapt/isa/neon/vector-inl.hpp"
#define RAPT_PAIRS "rapt/isa/neon/pairs-inl.hpp"
#define RAPT_QUADS "rapt/isa/neon/quads-inl.hpp"
#include RAPT_EACH_REGION
#undef RAPT_QUADS
#undef RAPT_PAIRS
#undef RAPT_VOCABULARY
#undef RAPT_REGION
#endif

#undef RAPT_EACH_REGION
#undef RAPT_EACH_REGION_OF_QUADS
#endif
