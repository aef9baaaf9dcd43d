// The vector vocabulary on AVX2 with FMA: 8 floats or 4 doubles.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

constexpr Isa region_isa = Isa::avx2;

/// Registers of queries in a register tile: 2 x 6 accumulators, 2 queries and a key leave 1 of 16 registers free. And
/// in a group, whose register tiles take turns at a few keys while these are in the first-level cache.
constexpr int query_registers = 8, tile_registers = 2;
/// Steps of a register tile's loop that are written out.
constexpr int unrolled = 1;
/// Registers of keys, or of dims of values, that few queries go through together: 4 x 2 accumulators.
constexpr int key_registers = 2;

template <class T> struct Vec;
template <> struct Vec<float> {
  static constexpr int lanes = 8;
  __m256 raw;
};
template <> struct Vec<double> {
  static constexpr int lanes = 4;
  __m256d raw;
};
template <> struct Vec<std::uint32_t> {
  static constexpr int lanes = 8;
  __m256i raw;
};
template <class T> struct Mask {
  Vec<T> raw;  // all bits of a lane, or none
};

RAPT_INLINE Vec<float> load(const float* p) { return {_mm256_loadu_ps(p)}; }
RAPT_INLINE Vec<double> load(const double* p) { return {_mm256_loadu_pd(p)}; }
RAPT_INLINE void store(float* p, Vec<float> a) { _mm256_storeu_ps(p, a.raw); }
RAPT_INLINE void store(double* p, Vec<double> a) { _mm256_storeu_pd(p, a.raw); }
RAPT_INLINE Vec<float> load(const Eigen::half* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
RAPT_INLINE Vec<float> load(const Eigen::bfloat16* p) {
  const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16))};
}
/// The upper halves of halves.
RAPT_INLINE Vec<float> load(const fp8_e5m2* p) {
  const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtph_ps(_mm_unpacklo_epi8(_mm_setzero_si128(), codes))};
}
/// Halves with the same digits, which are 2^8 times too small; those that they have no room for are NaN.
RAPT_INLINE Vec<float> load(const fp8_e4m3* p) {
  const __m128i codes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i digits = _mm_and_si128(codes, _mm_set1_epi16(0x7f)), sign = _mm_slli_epi16(codes, 8);
  const __m128i nan = _mm_and_si128(_mm_cmpeq_epi16(digits, _mm_set1_epi16(0x7f)), _mm_set1_epi16(0x7e00));
  const __m128i halves = _mm_or_si128(_mm_and_si128(sign, _mm_set1_epi16(-0x8000)), _mm_slli_epi16(digits, 7));
  return {_mm256_cvtph_ps(_mm_or_si128(halves, nan)) * _mm256_set1_ps(256.0f)};
}
RAPT_INLINE Vec<float> broadcast(float x) { return {_mm256_set1_ps(x)}; }
RAPT_INLINE Vec<double> broadcast(double x) { return {_mm256_set1_pd(x)}; }

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
RAPT_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {_mm256_fmadd_ps(a.raw, b.raw, c.raw)}; }
RAPT_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {_mm256_fmadd_pd(a.raw, b.raw, c.raw)};
}
/// a > b ? a : b, so that a NaN in a is ignored and a NaN in b stays.
RAPT_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return {_mm256_max_ps(a.raw, b.raw)}; }
RAPT_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return {_mm256_max_pd(a.raw, b.raw)}; }

RAPT_INLINE Mask<float> greater(Vec<float> a, Vec<float> b) { return {{reinterpret_cast<__m256>(a.raw > b.raw)}}; }
RAPT_INLINE Mask<double> greater(Vec<double> a, Vec<double> b) { return {{reinterpret_cast<__m256d>(a.raw > b.raw)}}; }
/// By the bits, as a flag that denies NaN would be believed of a comparison.
RAPT_INLINE Mask<float> is_nan(Vec<float> a) {
  const __m256i bits = _mm256_and_si256(_mm256_castps_si256(a.raw), _mm256_set1_epi32(0x7fffffff));
  return {{_mm256_castsi256_ps(_mm256_cmpgt_epi32(bits, _mm256_set1_epi32(0x7f800000)))}};
}
RAPT_INLINE Mask<double> is_nan(Vec<double> a) {
  const __m256i bits = _mm256_and_si256(_mm256_castpd_si256(a.raw), _mm256_set1_epi64x(0x7fffffffffffffff));
  return {{_mm256_castsi256_pd(_mm256_cmpgt_epi64(bits, _mm256_set1_epi64x(0x7ff0000000000000)))}};
}
RAPT_INLINE Mask<float> is_zero(Vec<float> a) { return {{reinterpret_cast<__m256>(a.raw == _mm256_setzero_ps())}}; }
RAPT_INLINE Mask<double> is_zero(Vec<double> a) { return {{reinterpret_cast<__m256d>(a.raw == _mm256_setzero_pd())}}; }
RAPT_INLINE bool any(Mask<float> m) { return _mm256_movemask_ps(m.raw.raw) != 0; }
RAPT_INLINE bool any(Mask<double> m) { return _mm256_movemask_pd(m.raw.raw) != 0; }
/// A mask from words that are zero or not, one a lane.
RAPT_INLINE Mask<float> load_mask(const std::int32_t* p) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i zero = _mm256_cmpeq_epi32(words, _mm256_setzero_si256());
  return {{_mm256_castsi256_ps(_mm256_xor_si256(zero, _mm256_set1_epi32(-1)))}};
}
RAPT_INLINE Mask<double> load_mask(const std::int64_t* p) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i zero = _mm256_cmpeq_epi64(words, _mm256_setzero_si256());
  return {{_mm256_castsi256_pd(_mm256_xor_si256(zero, _mm256_set1_epi32(-1)))}};
}
/// m ? a : b
RAPT_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) {
  return {_mm256_blendv_ps(b.raw, a.raw, m.raw.raw)};
}
RAPT_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {_mm256_blendv_pd(b.raw, a.raw, m.raw.raw)};
}

/// The low bits of the significand, moved up to where the exponent stands.
RAPT_INLINE Vec<float> low_bits_to_exponent(Vec<float> a) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.raw), 23))};
}
RAPT_INLINE Vec<double> low_bits_to_exponent(Vec<double> a) {
  return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.raw), 52))};
}

/// To 16 bits, rounded to nearest, ties to even. NaN is to be the canonical one.
RAPT_INLINE void store(Eigen::half* p, Vec<float> a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.raw, _MM_FROUND_TO_NEAREST_INT));
}
RAPT_INLINE void store(Eigen::bfloat16* p, Vec<float> a) {
  const __m256i bits = _mm256_castps_si256(a.raw);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i high = _mm256_srli_epi32(up, 16);
  const __m128i narrow = _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), narrow);
}

/// Integers of 8 bits, as numbers.
RAPT_INLINE Vec<float> load(const std::int8_t* p) {
  const __m128i narrow = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(narrow))};
}
/// Words, and words from bytes.
RAPT_INLINE Vec<std::uint32_t> load(const std::uint32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
RAPT_INLINE Vec<std::uint32_t> load_bytes(const std::uint8_t* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_left(Vec<std::uint32_t> a) {
  return {_mm256_slli_epi32(a.raw, N)};
}
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_right(Vec<std::uint32_t> a) {
  if constexpr (N == 0)
    return a;
  else
    return {_mm256_srli_epi32(a.raw, N)};
}
RAPT_INLINE Vec<std::uint32_t> either(Vec<std::uint32_t> a, Vec<std::uint32_t> b) {
  return {_mm256_or_si256(a.raw, b.raw)};
}
/// The integers of 4 or 5 bits that begin at bit `At` of the words, as numbers: as they are, and less half their range.
template <int Bits, int At> RAPT_INLINE __m256i integer_field(Vec<std::uint32_t> a) {
  return _mm256_and_si256(shift_right<At>(a).raw, _mm256_set1_epi32((1 << Bits) - 1));
}
template <int Bits, int At> RAPT_INLINE Vec<float> field(Vec<std::uint32_t> a) {
  return {_mm256_cvtepi32_ps(integer_field<Bits, At>(a))};
}
template <int Bits, int At> RAPT_INLINE Vec<float> centred_field(Vec<std::uint32_t> a) {
  return {_mm256_cvtepi32_ps(_mm256_sub_epi32(integer_field<Bits, At>(a), _mm256_set1_epi32(1 << (Bits - 1))))};
}

/// Lane i receives lane i + N, around the end.
template <int N> RAPT_INLINE Vec<float> rotate(Vec<float> a) {
  const __m256i lanes = _mm256_setr_epi32(N % 8, (N + 1) % 8, (N + 2) % 8, (N + 3) % 8, (N + 4) % 8, (N + 5) % 8,
                                          (N + 6) % 8, (N + 7) % 8);
  return {_mm256_permutevar8x32_ps(a.raw, lanes)};
}
template <int N> RAPT_INLINE Vec<double> rotate(Vec<double> a) {
  constexpr int lanes = N % 4 | (N + 1) % 4 << 2 | (N + 2) % 4 << 4 | (N + 3) % 4 << 6;
  return {_mm256_permute4x64_pd(a.raw, lanes)};
}

/// a0 b0 a1 b1 … from the lower halves of a and b, and from the upper ones.
RAPT_INLINE Vec<float> zip_low(Vec<float> a, Vec<float> b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.raw, b.raw), _mm256_unpackhi_ps(a.raw, b.raw), 0x20)};
}
RAPT_INLINE Vec<float> zip_high(Vec<float> a, Vec<float> b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.raw, b.raw), _mm256_unpackhi_ps(a.raw, b.raw), 0x31)};
}
RAPT_INLINE Vec<double> zip_low(Vec<double> a, Vec<double> b) {
  return {_mm256_permute2f128_pd(_mm256_unpacklo_pd(a.raw, b.raw), _mm256_unpackhi_pd(a.raw, b.raw), 0x20)};
}
RAPT_INLINE Vec<double> zip_high(Vec<double> a, Vec<double> b) {
  return {_mm256_permute2f128_pd(_mm256_unpacklo_pd(a.raw, b.raw), _mm256_unpackhi_pd(a.raw, b.raw), 0x31)};
}

/// a0 a2 … b0 b2 …, and a1 a3 … b1 b3 …: what zip_low and zip_high undo.
RAPT_INLINE Vec<float> unzip_even(Vec<float> a, Vec<float> b) {
  return {
      _mm256_shuffle_ps(_mm256_permute2f128_ps(a.raw, b.raw, 0x20), _mm256_permute2f128_ps(a.raw, b.raw, 0x31), 0x88)};
}
RAPT_INLINE Vec<float> unzip_odd(Vec<float> a, Vec<float> b) {
  return {
      _mm256_shuffle_ps(_mm256_permute2f128_ps(a.raw, b.raw, 0x20), _mm256_permute2f128_ps(a.raw, b.raw, 0x31), 0xdd)};
}
RAPT_INLINE Vec<double> unzip_even(Vec<double> a, Vec<double> b) {
  return {_mm256_permute4x64_pd(_mm256_unpacklo_pd(a.raw, b.raw), 0xd8)};
}
RAPT_INLINE Vec<double> unzip_odd(Vec<double> a, Vec<double> b) {
  return {_mm256_permute4x64_pd(_mm256_unpackhi_pd(a.raw, b.raw), 0xd8)};
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
