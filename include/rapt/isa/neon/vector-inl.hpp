// The vector vocabulary on NEON (AArch64): 4 floats or 2 doubles.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

constexpr Isa region_isa = Isa::neon;

/// Registers of queries in a group, and in a register tile: 4 x 6 accumulators, 4 queries and a key leave 3 of 32
/// registers free.
constexpr int query_registers = 4, tile_registers = 4;
/// Steps of a register tile's loop that are written out.
constexpr int unrolled = 2;
/// Registers of keys, or of dims of values, that few queries go through together: 4 x 4 accumulators.
constexpr int key_registers = 4;

template <class T> struct Vec;
template <> struct Vec<float> {
  static constexpr int lanes = 4;
  float32x4_t raw;
};
template <> struct Vec<double> {
  static constexpr int lanes = 2;
  float64x2_t raw;
};
template <> struct Vec<std::uint32_t> {
  static constexpr int lanes = 4;
  uint32x4_t raw;
};
template <class T> struct Mask;
template <> struct Mask<float> { uint32x4_t raw; };
template <> struct Mask<double> { uint64x2_t raw; };

RAPT_INLINE Vec<float> load(const float* p) { return {vld1q_f32(p)}; }
RAPT_INLINE Vec<double> load(const double* p) { return {vld1q_f64(p)}; }
RAPT_INLINE void store(float* p, Vec<float> a) { vst1q_f32(p, a.raw); }
RAPT_INLINE void store(double* p, Vec<double> a) { vst1q_f64(p, a.raw); }
RAPT_INLINE Vec<float> load(const Eigen::half* p) {
  return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(p))))};
}
RAPT_INLINE Vec<float> load(const Eigen::bfloat16* p) {
  return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(p)), 16))};
}
/// The upper halves of halves.
RAPT_INLINE Vec<float> load(const fp8_e5m2* p) {
  const std::uint16_t halves[4] = {std::uint16_t(p[0].bits << 8), std::uint16_t(p[1].bits << 8),
                                   std::uint16_t(p[2].bits << 8), std::uint16_t(p[3].bits << 8)};
  return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)))};
}
/// Halves with the same digits, which are 2^8 times too small; those that they have no room for are NaN.
RAPT_INLINE Vec<float> load(const fp8_e4m3* p) {
  const std::uint16_t numbers[4] = {p[0].bits, p[1].bits, p[2].bits, p[3].bits};
  const uint16x4_t codes = vld1_u16(numbers), digits = vand_u16(codes, vdup_n_u16(0x7f));
  const uint16x4_t nan = vand_u16(vceq_u16(digits, vdup_n_u16(0x7f)), vdup_n_u16(0x7e00));
  const uint16x4_t sign = vshl_n_u16(vand_u16(codes, vdup_n_u16(0x80)), 8);
  const uint16x4_t halves = vorr_u16(vorr_u16(sign, vshl_n_u16(digits, 7)), nan);
  return {vcvt_f32_f16(vreinterpret_f16_u16(halves)) * vdupq_n_f32(256.0f)};
}
RAPT_INLINE Vec<float> broadcast(float x) { return {vdupq_n_f32(x)}; }
RAPT_INLINE Vec<double> broadcast(double x) { return {vdupq_n_f64(x)}; }

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
RAPT_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }

/// a·b + c, rounded once.
RAPT_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return {vfmaq_f32(c.raw, a.raw, b.raw)}; }
RAPT_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return {vfmaq_f64(c.raw, a.raw, b.raw)}; }

RAPT_INLINE Mask<float> greater(Vec<float> a, Vec<float> b) { return {reinterpret_cast<uint32x4_t>(a.raw > b.raw)}; }
RAPT_INLINE Mask<double> greater(Vec<double> a, Vec<double> b) { return {reinterpret_cast<uint64x2_t>(a.raw > b.raw)}; }
/// By the bits, as a flag that denies NaN would be believed of a comparison.
RAPT_INLINE Mask<float> is_nan(Vec<float> a) {
  const uint32x4_t bits = vandq_u32(vreinterpretq_u32_f32(a.raw), vdupq_n_u32(0x7fffffff));
  return {vcgtq_u32(bits, vdupq_n_u32(0x7f800000))};
}
RAPT_INLINE Mask<double> is_nan(Vec<double> a) {
  const uint64x2_t bits = vandq_u64(vreinterpretq_u64_f64(a.raw), vdupq_n_u64(0x7fffffffffffffff));
  return {vcgtq_u64(bits, vdupq_n_u64(0x7ff0000000000000))};
}
RAPT_INLINE Mask<float> is_zero(Vec<float> a) { return {vceqzq_f32(a.raw)}; }
RAPT_INLINE Mask<double> is_zero(Vec<double> a) { return {vceqzq_f64(a.raw)}; }
RAPT_INLINE bool any(Mask<float> m) { return vmaxvq_u32(m.raw) != 0; }
RAPT_INLINE bool any(Mask<double> m) { return vmaxvq_u32(vreinterpretq_u32_u64(m.raw)) != 0; }
/// A mask from words that are zero or not, one a lane.
RAPT_INLINE Mask<float> load_mask(const std::int32_t* p) {
  const int32x4_t words = vld1q_s32(p);
  return {vtstq_s32(words, words)};
}
RAPT_INLINE Mask<double> load_mask(const std::int64_t* p) {
  const int64x2_t words = vld1q_s64(p);
  return {vtstq_s64(words, words)};
}
/// m ? a : b
RAPT_INLINE Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) { return {vbslq_f32(m.raw, a.raw, b.raw)}; }
RAPT_INLINE Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return {vbslq_f64(m.raw, a.raw, b.raw)};
}
/// a > b ? a : b, so that a NaN in a is ignored and a NaN in b stays. (NEON's own maximum passes every NaN on.)
RAPT_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return select(greater(a, b), a, b); }
RAPT_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return select(greater(a, b), a, b); }

/// The low bits of the significand, moved up to where the exponent stands.
RAPT_INLINE Vec<float> low_bits_to_exponent(Vec<float> a) {
  return {vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a.raw), 23))};
}
RAPT_INLINE Vec<double> low_bits_to_exponent(Vec<double> a) {
  return {vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(a.raw), 52))};
}

/// To 16 bits, rounded to nearest, ties to even. NaN is to be the canonical one.
RAPT_INLINE void store(Eigen::half* p, Vec<float> a) {
  vst1_u16(reinterpret_cast<std::uint16_t*>(p), vreinterpret_u16_f16(vcvt_f16_f32(a.raw)));
}
RAPT_INLINE void store(Eigen::bfloat16* p, Vec<float> a) {
  const uint32x4_t bits = vreinterpretq_u32_f32(a.raw), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t up = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
  vst1_u16(reinterpret_cast<std::uint16_t*>(p), vshrn_n_u32(up, 16));
}

/// Four bytes in the lower half of a register.
RAPT_INLINE uint8x8_t load_four_bytes(const void* p) {
  std::uint32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return vcreate_u8(four);
}
/// Integers of 8 bits, as numbers.
RAPT_INLINE Vec<float> load(const std::int8_t* p) {
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_u8(load_four_bytes(p)));
  return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)))};
}
/// Words, and words from bytes.
RAPT_INLINE Vec<std::uint32_t> load(const std::uint32_t* p) { return {vld1q_u32(p)}; }
RAPT_INLINE Vec<std::uint32_t> load_bytes(const std::uint8_t* p) {
  return {vmovl_u16(vget_low_u16(vmovl_u8(load_four_bytes(p))))};
}
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_left(Vec<std::uint32_t> a) { return {vshlq_n_u32(a.raw, N)}; }
template <int N> RAPT_INLINE Vec<std::uint32_t> shift_right(Vec<std::uint32_t> a) {
  if constexpr (N == 0)
    return a;
  else
    return {vshrq_n_u32(a.raw, N)};
}
RAPT_INLINE Vec<std::uint32_t> either(Vec<std::uint32_t> a, Vec<std::uint32_t> b) { return {vorrq_u32(a.raw, b.raw)}; }
/// The integers of 4 or 5 bits that begin at bit `At` of the words, as numbers: as they are, and less half their range.
template <int Bits, int At> RAPT_INLINE int32x4_t integer_field(Vec<std::uint32_t> a) {
  return vreinterpretq_s32_u32(vandq_u32(shift_right<At>(a).raw, vdupq_n_u32((1 << Bits) - 1)));
}
template <int Bits, int At> RAPT_INLINE Vec<float> field(Vec<std::uint32_t> a) {
  return {vcvtq_f32_s32(integer_field<Bits, At>(a))};
}
template <int Bits, int At> RAPT_INLINE Vec<float> centred_field(Vec<std::uint32_t> a) {
  return {vcvtq_f32_s32(vsubq_s32(integer_field<Bits, At>(a), vdupq_n_s32(1 << (Bits - 1))))};
}

/// Lane i receives lane i + N, around the end.
template <int N> RAPT_INLINE Vec<float> rotate(Vec<float> a) { return {vextq_f32(a.raw, a.raw, N % 4)}; }
template <int N> RAPT_INLINE Vec<double> rotate(Vec<double> a) { return {vextq_f64(a.raw, a.raw, N % 2)}; }

/// a0 b0 a1 b1 … from the lower halves of a and b, and from the upper ones.
RAPT_INLINE Vec<float> zip_low(Vec<float> a, Vec<float> b) { return {vzip1q_f32(a.raw, b.raw)}; }
RAPT_INLINE Vec<float> zip_high(Vec<float> a, Vec<float> b) { return {vzip2q_f32(a.raw, b.raw)}; }
RAPT_INLINE Vec<double> zip_low(Vec<double> a, Vec<double> b) { return {vzip1q_f64(a.raw, b.raw)}; }
RAPT_INLINE Vec<double> zip_high(Vec<double> a, Vec<double> b) { return {vzip2q_f64(a.raw, b.raw)}; }

/// a0 a2 … b0 b2 …, and a1 a3 … b1 b3 …: what zip_low and zip_high undo.
RAPT_INLINE Vec<float> unzip_even(Vec<float> a, Vec<float> b) { return {vuzp1q_f32(a.raw, b.raw)}; }
RAPT_INLINE Vec<float> unzip_odd(Vec<float> a, Vec<float> b) { return {vuzp2q_f32(a.raw, b.raw)}; }
RAPT_INLINE Vec<double> unzip_even(Vec<double> a, Vec<double> b) { return {vuzp1q_f64(a.raw, b.raw)}; }
RAPT_INLINE Vec<double> unzip_odd(Vec<double> a, Vec<double> b) { return {vuzp2q_f64(a.raw, b.raw)}; }

/// Stands at the beginning of each function that ordinary code calls: here there is nothing to clear up at its end.
struct Leaving {
  RAPT_INLINE Leaving() {}
  RAPT_INLINE ~Leaving() {}
};

RAPT_REGION_CLOSE

#endif
