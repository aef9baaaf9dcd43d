// Dot products of integers on NEON: in 16 bits, the first and third of four codes apart from the second and fourth.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = region_isa;

/// Four codes of each lane, from 0 to 255.
struct Codes {
  uint8x16_t raw;
};

RAPT_INLINE Codes load_codes(const std::uint8_t* p) { return {vld1q_u8(p)}; }
RAPT_INLINE Codes low_halves(Codes c) { return {vandq_u8(c.raw, vdupq_n_u8(15))}; }
RAPT_INLINE Codes high_halves(Codes c) { return {vshrq_n_u8(c.raw, 4)}; }
/// With their fifth bits, the first of which is bit `at` from `plane` on, a multiple of four for each lane.
RAPT_INLINE Codes with_fifth_bits(Codes c, const std::uint8_t* plane, Index at) {
  const uint8x16_t bits = vcombine_u8(vdup_n_u8(plane[at / 8]), vdup_n_u8(plane[at / 8 + 1]));
  const uint8x16_t each = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  return {vorrq_u8(c.raw, vandq_u8(vtstq_u8(bits, each), vdupq_n_u8(16)))};
}

/// Numbers of 16 bits that meet codes, four by four: the first, the third, the second, the fourth.
struct Digits {
  std::byte* at;
  RAPT_INLINE Digits quad(Index i) const { return {at + 8 * i}; }
};
RAPT_INLINE Digits digits_in(std::byte* memory, Index) { return {memory}; }
/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  std::int16_t whole[4];
  vst1_s16(whole, vmovn_s32(vreinterpretq_s32_f32(shifted.raw)));
  std::int16_t* const at = reinterpret_cast<std::int16_t*>(to.at) + i;
  at[0] = whole[0], at[1] = whole[2], at[2] = whole[1], at[3] = whole[3];
}
/// The sum of numbers [begin, begin + count), whole sixteens.
RAPT_INLINE detail::DigitSum sum_digits(Digits digits, Index begin, Index count) {
  int32x4_t sum = vdupq_n_s32(0);
  for (Index i = begin; i < begin + count; i += 8)
    sum = vpadalq_s16(sum, vld1q_s16(reinterpret_cast<const std::int16_t*>(digits.at) + i));
  return {vaddvq_s32(sum), 0};
}

/// Sums of codes times digits, exactly, in each lane: one will do for numbers of 16 bits.
constexpr int digit_planes = 1;
struct QuadSum {
  int32x4_t of;
};
/// From -lowest · (the digits' sum), for codes that count from `lowest`.
RAPT_INLINE QuadSum quad_sum(detail::DigitSum start, int lowest, int) { return {vdupq_n_s32(start.all * lowest)}; }
/// Codes of 16 bits times two digits, each lane's added up.
RAPT_INLINE int32x4_t two_by_two(uint16x8_t codes, std::int32_t digits) {
  const int16x8_t c = vreinterpretq_s16_u16(codes), x = vreinterpretq_s16_s32(vdupq_n_s32(digits));
  return vpaddq_s32(vmull_s16(vget_low_s16(c), vget_low_s16(x)), vmull_high_s16(c, x));
}
RAPT_INLINE QuadSum step(QuadSum sum, Codes c, Digits quad, int) {
  const uint16x8_t both = vreinterpretq_u16_u8(c.raw);
  sum.of = vaddq_s32(sum.of, two_by_two(vandq_u16(both, vdupq_n_u16(255)), detail::word32(quad.at)));
  sum.of = vaddq_s32(sum.of, two_by_two(vshrq_n_u16(both, 8), detail::word32(quad.at + 4)));
  return sum;
}
/// Rounded once.
RAPT_INLINE Vec<float> number(QuadSum sum, QuadSum) { return {vcvtq_f32_s32(sum.of)}; }

/// Scales of as many lanes.
RAPT_INLINE Vec<float> load_scales(const float* p) { return load(p); }
RAPT_INLINE Vec<float> load_scales(const std::uint16_t* p) { return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))}; }

RAPT_REGION_CLOSE

#endif
