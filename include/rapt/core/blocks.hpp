// Weights in blocks of 32 that share a scale: the formats that ggml calls q8_0, q4_0, q4_1, q5_0 and q5_1, byte for
// byte as they stand in a GGUF file.
//
// Codes are made of numbers, and numbers of codes, by the formulas of ggml's reference (ggml-quants.c), in float, each
// operation rounded; where a compiler of C is free to round a sum of products once or twice, by those of the Python
// package gguf (quants.py). A scale or a minimum that is too large for a half is infinite, as it is there, and one
// that is too small is 0. NaN and infinities can't be said in codes: a block that is to hold any has the scale NaN, so
// that all of its 32 weights are NaN.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/narrow.hpp"

RAPT_NAMESPACE_BEGIN

/// 32 weights d · q, with q from -127 to 127 (and -128, which no quantisation gives). `d` is the bits of a half.
struct q8_0 {
  std::uint16_t d;
  std::int8_t qs[32];
};

/// 32 weights d · (q - 8), with q from 0 to 15. The low halves of the bytes `qs` hold weights 0 to 15, the high ones 16
/// to 31.
struct q4_0 {
  std::uint16_t d;
  std::uint8_t qs[16];
};

/// 32 weights d · q + m, with q from 0 to 15, placed as in q4_0. `d` and `m` are the bits of halves.
struct q4_1 {
  std::uint16_t d, m;
  std::uint8_t qs[16];
};

/// 32 weights d · (q - 16), with q from 0 to 31. The low 4 bits of q are placed as in q4_0; the fifth is bit i of `qh`,
/// of weight i, counted from the lowest bit of the first byte.
struct q5_0 {
  std::uint16_t d;
  std::uint8_t qh[4], qs[16];
};

/// 32 weights d · q + m, with q from 0 to 31, placed as in q5_0.
struct q5_1 {
  std::uint16_t d, m;
  std::uint8_t qh[4], qs[16];
};

static_assert(sizeof(q8_0) == 34 && sizeof(q4_0) == 18 && sizeof(q4_1) == 20 && sizeof(q5_0) == 22 &&
              sizeof(q5_1) == 24);

/// A format whose blocks stand for 32 weights each.
template <class B>
concept BlockFormat = std::same_as<B, q8_0> || std::same_as<B, q4_0> || std::same_as<B, q4_1> ||
    std::same_as<B, q5_0> || std::same_as<B, q5_1>;

namespace detail {

/// Weights of a block.
inline constexpr Index block_size = 32;

/// Bits of a code.
template <BlockFormat B> inline constexpr int code_bits = 8;
template <> inline constexpr int code_bits<q4_0> = 4;
template <> inline constexpr int code_bits<q4_1> = 4;
template <> inline constexpr int code_bits<q5_0> = 5;
template <> inline constexpr int code_bits<q5_1> = 5;

/// Whether codes count from the block's minimum, as q4_1's and q5_1's do. The others' are signed numbers.
template <BlockFormat B> inline constexpr bool has_minimum = std::same_as<B, q4_1> || std::same_as<B, q5_1>;

/// What is stored is a code and this, so that it is never negative.
template <BlockFormat B>
inline constexpr int code_offset = has_minimum<B> || code_bits<B> == 8 ? 0 : 1 << (code_bits<B> - 1);

/// Puts the code of weight i, where all bits are 0 as yet.
inline void put_code(q8_0& b, Index i, int code) { b.qs[i] = static_cast<std::int8_t>(code); }
template <BlockFormat B> void put_code(B& b, Index i, int code) {
  const int stored = code + code_offset<B>;
  b.qs[i % 16] = static_cast<std::uint8_t>(b.qs[i % 16] | (stored & 15) << (i < 16 ? 0 : 4));
  if constexpr (code_bits<B> == 5) b.qh[i / 8] = static_cast<std::uint8_t>(b.qh[i / 8] | (stored >> 4) << (i % 8));
}

/// The code of weight i: a number with a sign, or one from 0 on where the format has a minimum.
inline int code_of(const q8_0& b, Index i) { return b.qs[i]; }
template <BlockFormat B> int code_of(const B& b, Index i) {
  int stored = b.qs[i % 16] >> (i < 16 ? 0 : 4) & 15;
  if constexpr (code_bits<B> == 5) stored |= (b.qh[i / 8] >> (i % 8) & 1) << 4;
  return stored - code_offset<B>;
}

/// The whole part of x, as far as it is between 0 and `most`; 0 for NaN.
inline int clamped_whole(float x, int most) {
  if (!(x >= 0)) return 0;
  return x >= static_cast<float>(most) ? most : static_cast<int>(x);
}

inline float magnitude_of(float x) { return x < 0 ? -x : x; }

/// x to the nearest integer, of two the one further from 0, as far as it is between -most and most; 0 for NaN.
inline int clamped_nearest(float x, int most) {
  const float magnitude = magnitude_of(x);
  int whole = clamped_whole(magnitude, most);
  if (whole < most && magnitude - static_cast<float>(whole) >= 0.5f) ++whole;
  return x < 0 ? -whole : whole;
}

inline bool all_finite(const float* x, Index count) {
  for (Index i = 0; i < count; ++i)
    if (!ieee::is_finite(x[i])) return false;
  return true;
}

/// The number furthest from 0, the first of several; 0 if all are.
inline float furthest_from_zero(const float* x, Index count) {
  float found = 0, magnitude = 0;
  for (Index i = 0; i < count; ++i)
    if (magnitude_of(x[i]) > magnitude) found = x[i], magnitude = magnitude_of(x[i]);
  return found;
}

inline float inverse_of_scale(float d) { return d == 0 ? 0.0f : 1 / d; }

/// a · b, rounded by itself: an fma with 0 is nothing that a compiler could fuse with a sum behind it.
inline float rounded_product(float a, float b) { return ieee::fma(a, b, 0.0f); }

/// d = the largest magnitude / 127; q = x / d to the nearest, ties away from 0.
inline void quantise_finite(const float* x, q8_0& b) {
  const float d = magnitude_of(furthest_from_zero(x, block_size)) / 127, inverse = inverse_of_scale(d);
  b.d = half_bits(d);
  for (Index i = 0; i < block_size; ++i) put_code(b, i, clamped_nearest(rounded_product(x[i], inverse), 127));
}

/// q4_0 and q5_0: d makes the number furthest from 0 the lowest code; q = x / d to the nearest. The sum is gguf's, in
/// double and then in float: what an fma gives, all but always.
template <BlockFormat B>
  requires(code_offset<B> != 0)
void quantise_finite(const float* x, B& b) {
  constexpr int offset = code_offset<B>;
  const float d = furthest_from_zero(x, block_size) / -offset, inverse = inverse_of_scale(d);
  b.d = half_bits(d);
  for (Index i = 0; i < block_size; ++i) {
    const double shifted = static_cast<double>(x[i]) * static_cast<double>(inverse) + (offset + 0.5);
    put_code(b, i, clamped_whole(static_cast<float>(shifted), 2 * offset - 1) - offset);
  }
}

/// q4_1 and q5_1: from the smallest number, code 0, to the largest one in equal steps.
template <BlockFormat B>
  requires has_minimum<B>
void quantise_finite(const float* x, B& b) {
  constexpr int most = code_bits<B> == 4 ? 15 : 31;
  float smallest = x[0], largest = x[0];
  for (Index i = 1; i < block_size; ++i) {
    smallest = x[i] < smallest ? x[i] : smallest;
    largest = x[i] > largest ? x[i] : largest;
  }
  const float d = (largest - smallest) / static_cast<float>(most), inverse = inverse_of_scale(d);
  b.d = half_bits(d), b.m = half_bits(smallest);
  for (Index i = 0; i < block_size; ++i) {
    const float steps = rounded_product(x[i] - smallest, inverse);
    put_code(b, i, clamped_whole(steps + 0.5f, most));
  }
}

/// 32 numbers as a block.
template <BlockFormat B> B quantised_block(const float* x) {
  B b{};
  if (all_finite(x, block_size))
    quantise_finite(x, b);
  else
    b.d = half_bits(std::numeric_limits<float>::quiet_NaN());
  return b;
}

/// A block as 32 numbers. A half times a code is exact, so that whoever fuses it with the sum has the same bits.
template <BlockFormat B> void dequantise_block(const B& b, float* y) {
  const float d = from_half_bits(b.d);
  for (Index i = 0; i < block_size; ++i) {
    y[i] = d * static_cast<float>(code_of(b, i));
    if constexpr (has_minimum<B>) y[i] += from_half_bits(b.m);
  }
}

/// `numbers` is 32 times `blocks`.
inline void check_numbers(const char* name, std::size_t numbers, std::size_t blocks) {
  const auto size = static_cast<Index>(numbers), wanted = static_cast<Index>(blocks) * block_size;
  if (size != wanted) fail(name, {"its size is ", size}, {"it has to be ", wanted, ", 32 for each block"});
}

}  // namespace detail

/// Numbers as blocks, 32 for each: quantise<q8_0>(x, blocks). Throws std::invalid_argument if the sizes differ.
template <BlockFormat B> void quantise(std::span<const float> x, std::type_identity_t<std::span<B>> blocks) {
  detail::check_numbers("x", x.size(), blocks.size());
  const float* from = x.data();
  for (B& block : blocks) block = detail::quantised_block<B>(from), from += detail::block_size;
}

/// Blocks as numbers, 32 for each: dequantise<q8_0>(blocks, y). Throws std::invalid_argument if the sizes differ.
template <BlockFormat B> void dequantise(std::type_identity_t<std::span<const B>> blocks, std::span<float> y) {
  detail::check_numbers("y", y.size(), blocks.size());
  float* to = y.data();
  for (const B& block : blocks) detail::dequantise_block(block, to), to += detail::block_size;
}

/// The blocks of a weight matrix [rows, columns] as a GGUF file has it, each row's one after the other: a matrix
/// [rows, columns / 32]. `data` is aligned to 2 bytes, which a tensor of a file in memory is. Throws
/// std::invalid_argument unless the columns are a multiple of 32.
template <BlockFormat B> MatrixView<const B> block_rows(const void* data, Index rows, Index columns) {
  detail::require(columns % detail::block_size == 0, "block_rows", "the number of columns", columns,
                  "it has to be a multiple of 32, a block's weights");
  return row_major(static_cast<const B*>(data), rows, columns / detail::block_size);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
