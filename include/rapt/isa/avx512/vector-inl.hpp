// The vector vocabulary on AVX-512 (F, BW, DQ, VL): 16 floats or 8 doubles.
//
// Where GCC 12's unmasked intrinsic passes an undefined vector on (max, shift, …), the zero-masked one with a full mask
// stands here: the same instruction, without the false warning "used uninitialized" in the user's file.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

constexpr Isa region_isa = Isa::RAPT_REGION;  // or one that has more besides

/// Registers of queries in a group, and in a register tile: 4 x 6 accumulators, 4 queries and a key leave 3 of 32
/// registers free.
constexpr int query_registers = 4, tile_registers = 4;
/// Steps of a register tile's loop that are written out.
constexpr int unrolled = 2;
/// Registers of keys, or of dims of values, that few queries go through together: 4 x 4 accumulators.
constexpr int key_registers = 4;

template <class T> struct Vec;
template <> struct Vec<float> {
  static constexpr int lanes = 16;
  __m512 raw;
};
template <> struct Vec<double> {
  static constexpr int lanes = 8;
  __m512d raw;
};
template <> struct Vec<std::uint32_t> {
  static constexpr int lanes = 16;
  __m512i raw;
};
template <class T> struct Mask;
template <> struct Mask<float> { __mmask16 raw; };
template <> struct Mask<double> { __mmask8 raw; };

RAPT_INLINE Vec<float> load(const float* p) { return {_mm512_loadu_ps(p)}; }
RAPT_INLINE Vec<double> load(const double* p) { return {_mm512_loadu_pd(p)}; }
RAPT_INLINE void store(float* p, Vec<float> a) { _mm512_storeu_ps(p, a.raw); }
RAPT_INLINE void store(double* p, Vec<double> a) { _mm512_storeu_pd(p, a.raw); }
RAPT_INLINE Vec<float> load(const Eigen::half* p) {
  return {_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
RAPT_INLINE Vec<float> load(const Eigen::bfloat16* p) {
  const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, _mm512_maskz_cvtepu16_epi32(0xffff, narrow), 16))};
}
/// The upper halves of halves.
RAPT_INLINE Vec<float> load(const fp8_e5m2* p) {
  const __m256i codes = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm512_maskz_cvtph_ps(0xffff, _mm256_slli_epi16(codes, 8))};
}
/// Halves with the same digits, which are 2^8 times too small; those that they have no room for are NaN.
RAPT_INLINE Vec<float> load(const fp8_e4m3* p) {
  const __m256i codes = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m256i digits = _mm256_and_si256(codes, _mm256_set1_epi16(0x7f)), sign = _mm256_slli_epi16(codes, 8);
  const __m256i nan = _mm256_and_si256(_mm256_cmpeq_epi16(digits, _mm256_set1_epi16(0x7f)), _mm256_set1_epi16(0x7e00));
  const __m256i halves =
      _mm256_or_si256(_mm256_and_si256(sign, _mm256_set1_epi16(-0x8000)), _mm256_slli_epi16(digits, 7));
  return {_mm512_maskz_cvtph_ps(0xffff, _mm256_or_si256(halves, nan)) * _mm512_set1_ps(256.0f)};
}
RAPT_INLINE Vec<float> broadcast(float x) { return {_mm512_set1_ps(x)}; }
RAPT_INLINE Vec<double> broadcast(double x) { return {_mm512_set1_pd(x)}; }

// (Operators, not intrinsics: those are functions of whoever included the compiler's header first, with that file's
// floating-point flags. See core/ieee.hpp.)
RAPT_INLINE Vec<float> add(Vec<float> a, Vec<float> b) { return {a.raw + b.raw}; }
RAPT_INLINE Vec<double> add(Vec<double> a, Vec<double> b) { return {a.raw + b.raw}; }
RAPT_INLINE Vec<float> sub(Vec<float> a, Vec<float> b) { return {a.raw - b.raw}; }
RAPT_INLINE Vec<double> sub(Vec<double> a, Vec<double> b) { return {a.raw - b.raw}; }
RAPT_INLINE Vec<float> mul(Vec<float> a, Vec<float> b) { return {a.raw * b.raw}; }
RAPT_INLINE Vec<double> mul(Vec<double> a, Vec<double> b) { return {a.raw * b.raw}; }
RAPT_INLINE Vec<float> div(Vec<float> a, Vec<float> b) { return {a.raw / b.raw}; }
RAPT_INLINE Vec<double> div(Vec<double> a, Vec<double> b) { return {a.raw / b.raw}; }
/// Asks for the cache line at p to be brought into the second-level cache.
RAPT_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }

/// a·b + c, rounded once.
RAPT_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm512_fmadd_ps(a.raw, b.raw, c.raw)}; }
RAPT_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {_mm512_fmadd_pd(a.raw, b.raw, c.raw)};
}
/// a > b ? a : b, so that a NaN in a is ignored and a NaN in b stays.
RAPT_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm512_maskz_max_ps(0xffff, a.raw, b.raw)}; }
RAPT_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm512_maskz_max_pd(0xff, a.raw, b.raw)}; }

#if defined(__clang__)
RAPT_INLINE Mask<float> greater(Vec<float> a, Vec<float> b) {
  return {_mm512_movepi32_mask(reinterpret_cast<__m512i>(a.raw > b.raw))};
}
RAPT_INLINE Mask<double> greater(Vec<double> a, Vec<double> b) {
  return {_mm512_movepi64_mask(reinterpret_cast<__m512i>(a.raw > b.raw))};
}
#else  // GCC makes two instructions of that
RAPT_INLINE Mask<float> greater(Vec<float> a, Vec<float> b) { return {_mm512_cmp_ps_mask(a.raw, b.raw, _CMP_GT_OQ)}; }
RAPT_INLINE Mask<double> greater(Vec<double> a, Vec<double> b) {
  return {_mm512_cmp_pd_mask(a.raw, b.raw, _CMP_GT_OQ)};
}
#endif
/// By the bits, as a flag that denies NaN would be believed of a comparison.
RAPT_INLINE Mask<float> is_nan(Vec<float> a) {
  const __m512i bits = _mm512_and_si512(_mm512_castps_si512(a.raw), _mm512_set1_epi32(0x7fffffff));
  return {_mm512_cmpgt_epi32_mask(bits, _mm512_set1_epi32(0x7f800000))};
}
RAPT_INLINE Mask<double> is_nan(Vec<double> a) {
  const __m512i bits = _mm512_and_si512(_mm512_castpd_si512(a.raw), _mm512_set1_epi64(0x7fffffffffffffff));
  return {_mm512_cmpgt_epi64_mask(bits, _mm512_set1_epi64(0x7ff0000000000000))};
}
RAPT_INLINE Mask<float> is_zero(Vec<float> a) {
  const __m512i bits = _mm512_castps_si512(a.raw);
  return {_mm512_testn_epi32_mask(bits, _mm512_set1_epi32(0x7fffffff))};
}
RAPT_INLINE Mask<double> is_zero(Vec<double> a) {
  const __m512i bits = _mm512_castpd_si512(a.raw);
  return {_mm512_testn_epi64_mask(bits, _mm512_set1_epi64(0x7fffffffffffffff))};
}
RAPT_INLINE bool any(Mask<float> m) { return m.raw != 0; }
RAPT_INLINE bool any(Mask<double> m) { return m.raw != 0; }
/// A mask from words that are zero or not, one a lane.
RAPT_INLINE Mask<float> load_mask(const std::int32_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  return {_mm512_test_epi32_mask(words, words)};
}
RAPT_INLINE Mask<double> load_mask(const std::int64_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  return {_mm512_test_epi64_mask(words, words)};
}
/// m ? a : b
RAPT_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) {
  return {_mm512_mask_blend_ps(m.raw, b.raw, a.raw)};
}
RAPT_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm512_mask_blend_pd(m.raw, b.raw, a.raw)};
}

/// The low bits of the significand, moved up to where the exponent stands.
RAPT_INLINE Vec<float> low_bits_to_exponent(Vec<float> a) {
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, _mm512_castps_si512(a.raw), 23))};
}
RAPT_INLINE Vec<double> low_bits_to_exponent(Vec<double> a) {
  return {_mm512_castsi512_pd(_mm512_maskz_slli_epi64(0xff, _mm512_castpd_si512(a.raw), 52))};
}

/// To 16 bits, rounded to nearest, ties to even. NaN is to be the canonical one.
RAPT_INLINE void store(Eigen::half* p, Vec<float> a) {
  const __m256i narrow = _mm512_maskz_cvtps_ph(0xffff, a.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), narrow);
}
RAPT_INLINE void store(Eigen::bfloat16* p, Vec<float> a) {
  const __m512i bits = _mm512_castps_si512(a.raw), one = _mm512_set1_epi32(1);
  const __m512i odd = _mm512_and_si512(_mm512_maskz_srli_epi32(0xffff, bits, 16), one);
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __m256i narrow = _mm512_maskz_cvtepi32_epi16(0xffff, _mm512_maskz_srli_epi32(0xffff, up, 16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), narrow);
}

/// Integers of 8 bits, as numbers.
RAPT_INLINE Vec<float> load(const std::int8_t* p) {
  const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm512_maskz_cvtepi32_ps(0xffff, _mm512_maskz_cvtepi8_epi32(0xffff, narrow))};
}
/// Words, and words from bytes.
RAPT_INLINE Vec<std::uint32_t> load(const std::uint32_t* p) { return {_mm512_loadu_si512(p)}; }
RAPT_INLINE Vec<std::uint32_t> load_bytes(const std::uint8_t* p) {
  return {_mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_left(Vec<std::uint32_t> a) {
  return {_mm512_maskz_slli_epi32(0xffff, a.raw, N)};
}
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_right(Vec<std::uint32_t> a) {
  if constexpr (N == 0)
    return a;
  else
    return {_mm512_maskz_srli_epi32(0xffff, a.raw, N)};
}
RAPT_INLINE Vec<std::uint32_t> either(Vec<std::uint32_t> a, Vec<std::uint32_t> b) {
  return {_mm512_or_si512(a.raw, b.raw)};
}
/// Looked up by the low bits, 4 of them in a table of 16 numbers, 5 in one of 32: no mask, and no conversion.
template <int Bits, bool Centred> RAPT_INLINE Vec<float> number_of_code(Vec<std::uint32_t> code) {
  const __m512 from_0 = _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  if constexpr (Bits == 4) {
    const __m512 from_minus_8 = _mm512_set_ps(7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8);
    return {_mm512_maskz_permutexvar_ps(0xffff, code.raw, Centred ? from_minus_8 : from_0)};
  } else {
    static_assert(Bits == 5);
    const __m512 from_16 = _mm512_set_ps(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16);
    const __m512 from_minus_16 = _mm512_set_ps(-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16);
    return {_mm512_permutex2var_ps(Centred ? from_minus_16 : from_0, code.raw, Centred ? from_0 : from_16)};
  }
}
/// The integers of 4 or 5 bits that begin at bit `At` of the words, as numbers: as they are, and less half their range.
template <int Bits, int At> RAPT_INLINE Vec<float> field(Vec<std::uint32_t> a) {
  return number_of_code<Bits, false>(shift_right<At>(a));
}
template <int Bits, int At> RAPT_INLINE Vec<float> centred_field(Vec<std::uint32_t> a) {
  return number_of_code<Bits, true>(shift_right<At>(a));
}

/// Lane i receives lane i + N, around the end.
template <int N> RAPT_INLINE Vec<float> rotate(Vec<float> a) {
  const __m512i bits = _mm512_castps_si512(a.raw);
  return {_mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, bits, bits, N))};
}
template <int N> RAPT_INLINE Vec<double> rotate(Vec<double> a) {
  const __m512i bits = _mm512_castpd_si512(a.raw);
  return {_mm512_castsi512_pd(_mm512_maskz_alignr_epi64(0xff, bits, bits, N))};
}

/// a0 b0 a1 b1 … from the lower halves of a and b, and from the upper ones.
RAPT_INLINE Vec<float> zip_low(Vec<float> a, Vec<float> b) {
  const __m512i order = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return {_mm512_permutex2var_ps(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<float> zip_high(Vec<float> a, Vec<float> b) {
  const __m512i order = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
  return {_mm512_permutex2var_ps(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<double> zip_low(Vec<double> a, Vec<double> b) {
  const __m512i order = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
  return {_mm512_permutex2var_pd(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<double> zip_high(Vec<double> a, Vec<double> b) {
  const __m512i order = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  return {_mm512_permutex2var_pd(a.raw, order, b.raw)};
}

/// a0 a2 … b0 b2 …, and a1 a3 … b1 b3 …: what zip_low and zip_high undo.
RAPT_INLINE Vec<float> unzip_even(Vec<float> a, Vec<float> b) {
  const __m512i order = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  return {_mm512_permutex2var_ps(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<float> unzip_odd(Vec<float> a, Vec<float> b) {
  const __m512i order = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return {_mm512_permutex2var_ps(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<double> unzip_even(Vec<double> a, Vec<double> b) {
  const __m512i order = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
  return {_mm512_permutex2var_pd(a.raw, order, b.raw)};
}
RAPT_INLINE Vec<double> unzip_odd(Vec<double> a, Vec<double> b) {
  const __m512i order = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
  return {_mm512_permutex2var_pd(a.raw, order, b.raw)};
}

/// Stands at the beginning of each function that ordinary code calls: at its end, the upper halves of the registers are
/// zero. With anything left in them, Intel's CPUs run the SSE code of the rest of the program up to fifty times as
/// slowly. (GCC clears them by itself, but only from -O2 on.)
struct Leaving {
  RAPT_INLINE Leaving() {}
  RAPT_INLINE ~Leaving() { _mm256_zeroupper(); }
};

RAPT_REGION_CLOSE

#endif
