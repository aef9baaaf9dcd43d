// Pairs of bfloat16 on NEON: two fused multiply-adds. (Its own flushing takes a result for one below the normal numbers
// before it is rounded, and BFDOT rounds otherwise: neither gives the bits of other instruction sets.)
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <> struct Vec<detail::Pair> {
  static constexpr int lanes = 4;
  uint32x4_t raw;
};
RAPT_INLINE Vec<detail::Pair> load(const detail::Pair* p) {
  return {vreinterpretq_u32_u16(vld1q_u16(reinterpret_cast<const std::uint16_t*>(p)))};
}
RAPT_INLINE void store(detail::Pair* p, Vec<detail::Pair> a) {
  vst1q_u16(reinterpret_cast<std::uint16_t*>(p), vreinterpretq_u16_u32(a.raw));
}
RAPT_INLINE Vec<detail::Pair> broadcast(detail::Pair x) { return {vdupq_n_u32(std::bit_cast<std::uint32_t>(x))}; }
/// Pairs of numbers that bfloat16 holds.
RAPT_INLINE Vec<detail::Pair> pair(Vec<float> even, Vec<float> odd) {
  return {vsriq_n_u32(vreinterpretq_u32_f32(odd.raw), vreinterpretq_u32_f32(even.raw), 16)};
}
/// The number that bfloat16 holds which is nearest, ties to even. NaN becomes the canonical one.
RAPT_INLINE Vec<float> round_to_bfloat16(Vec<float> x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x.raw);
  const uint32x4_t last = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t up = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), last);
  const Vec<float> rounded{vreinterpretq_f32_u32(vandq_u32(up, vdupq_n_u32(0xffff0000)))};
  return select(is_nan(x), broadcast(std::numeric_limits<float>::quiet_NaN()), rounded);
}

/// 0 of the same sign for what is below the normal numbers.
RAPT_INLINE uint32x4_t flushed(uint32x4_t bits) {
  const uint32x4_t exponent = vdupq_n_u32(0x7f800000);
  return vbslq_u32(vtstq_u32(bits, exponent), bits, vandq_u32(bits, vdupq_n_u32(0x80000000)));
}
/// detail::flushed_fma for each lane, of operands that are flushed. Results that may have come from below the normal
/// numbers are few, and are computed again one by one.
RAPT_INLINE float32x4_t flushed_fma(uint32x4_t a, uint32x4_t b, float32x4_t c) {
  const float32x4_t x = vreinterpretq_f32_u32(a), y = vreinterpretq_f32_u32(b);
  const float32x4_t r = vfmaq_f32(c, x, y);
  const uint32x4_t low = vcleq_f32(vabsq_f32(r), vdupq_n_f32(0x1p-126f));
  const uint32x4_t doubtful = vandq_u32(low, vtstq_u32(vreinterpretq_u32_f32(r), vdupq_n_u32(0x7fffffff)));
  if (vmaxvq_u32(doubtful) == 0) return r;
  float p[4], q[4], s[4];
  vst1q_f32(p, x), vst1q_f32(q, y), vst1q_f32(s, c);
  for (int i = 0; i < 4; ++i) s[i] = detail::flushed_fma(p[i], q[i], s[i]);
  return vld1q_f32(s);
}
/// The odd product first, as the native one of x86 has it.
RAPT_INLINE Vec<float> step(Vec<detail::Pair> a, Vec<detail::Pair> b, Vec<float> c) {
  const uint32x4_t high = vdupq_n_u32(0xffff0000);
  const float32x4_t sum = vreinterpretq_f32_u32(flushed(vreinterpretq_u32_f32(c.raw)));
  const float32x4_t odd = flushed_fma(flushed(vandq_u32(a.raw, high)), flushed(vandq_u32(b.raw, high)), sum);
  return {flushed_fma(flushed(vshlq_n_u32(a.raw, 16)), flushed(vshlq_n_u32(b.raw, 16)), odd)};
}

/// a·b, flushed as a step is.
RAPT_INLINE Vec<float> flushed_mul(Vec<float> a, Vec<float> b) {
  float p[4], q[4];
  vst1q_f32(p, a.raw), vst1q_f32(q, b.raw);
  for (int i = 0; i < 4; ++i) p[i] = detail::flushed_mul(p[i], q[i]);
  return {vld1q_f32(p)};
}

/// It is done by hand.
struct FlushingOfPairs {
  RAPT_INLINE FlushingOfPairs() {}
};

RAPT_REGION_CLOSE

#endif
