// Dot products of integers in plain C++.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = region_isa;

/// Four codes of each lane, from 0 to 255.
struct Codes {
  std::uint8_t of[4];
};

RAPT_INLINE Codes load_codes(const std::uint8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
RAPT_INLINE Codes low_halves(Codes c) {
  return {
      {std::uint8_t(c.of[0] & 15), std::uint8_t(c.of[1] & 15), std::uint8_t(c.of[2] & 15), std::uint8_t(c.of[3] & 15)}};
}
RAPT_INLINE Codes high_halves(Codes c) {
  return {
      {std::uint8_t(c.of[0] >> 4), std::uint8_t(c.of[1] >> 4), std::uint8_t(c.of[2] >> 4), std::uint8_t(c.of[3] >> 4)}};
}
/// With their fifth bits, the first of which is bit `at` from `plane` on, a multiple of four for each lane.
RAPT_INLINE Codes with_fifth_bits(Codes c, const std::uint8_t* plane, Index at) {
  const int bits = plane[at / 8] >> at % 8;
  for (int i = 0; i < 4; ++i) c.of[i] = std::uint8_t(c.of[i] | (bits >> i & 1) << 4);
  return c;
}

/// Numbers of 16 bits that meet codes, four by four; `count` of them in all.
struct Digits {
  std::byte* at;
  RAPT_INLINE Digits quad(Index i) const { return {at + 8 * i}; }
};
RAPT_INLINE Digits digits_in(std::byte* memory, Index) { return {memory}; }
/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  reinterpret_cast<std::int16_t*>(to.at)[i] = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(shifted.raw));
}
/// The sum of numbers [begin, begin + count), whole sixteens.
RAPT_INLINE detail::DigitSum sum_digits(Digits digits, Index begin, Index count) {
  detail::DigitSum sum{};
  for (Index i = begin; i < begin + count; ++i) sum.all += reinterpret_cast<const std::int16_t*>(digits.at)[i];
  return sum;
}

/// Sums of codes times digits, exactly, in each lane: one will do for numbers of 16 bits.
constexpr int digit_planes = 1;
struct QuadSum {
  std::int32_t of;
};
/// From -lowest · (the digits' sum), for codes that count from `lowest`.
RAPT_INLINE QuadSum quad_sum(detail::DigitSum start, int lowest, int) { return {start.all * lowest}; }
RAPT_INLINE QuadSum step(QuadSum sum, Codes c, Digits quad, int) {
  const std::int16_t* const x = reinterpret_cast<const std::int16_t*>(quad.at);
  std::uint32_t of = static_cast<std::uint32_t>(sum.of);
  for (int i = 0; i < 4; ++i) of += static_cast<std::uint32_t>(x[i] * c.of[i]);
  sum.of = static_cast<std::int32_t>(of);
  return sum;
}
/// Rounded once.
RAPT_INLINE Vec<float> number(QuadSum sum, QuadSum) { return {static_cast<float>(sum.of)}; }

/// Scales of as many lanes.
RAPT_INLINE Vec<float> load_scales(const float* p) { return load(p); }
RAPT_INLINE Vec<float> load_scales(const std::uint16_t* p) { return {detail::from_half_bits(*p)}; }

RAPT_REGION_CLOSE

#endif
