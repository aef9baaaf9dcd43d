// What a cache may keep its numbers as: floating-point numbers as they are, or codes of 4, 5 or 8 bits with scales.
//
// Codes are kept without a sign, a code minus its format's lowest, four to a lane: that is how the CPU's integer dot
// products take them. A block of keys holds 16 positions, and a block of values, too:
//
//     codes of keys     [dim / 4][position][4 dims]       8 bits each; of 4 bits, two such quads in one, the next in
//     the codes of values   [position / 4][dim][4 positions]  high halves of the bytes; fifth bits behind them, a bit a
//     code scales, minima    [dim / 32][position]              of int8, one scale a position
//
// so that whatever the format, a position takes the same number of bytes, as ggml's blocks do.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "rapt/core/blocks.hpp"
#include "rapt/core/fp8.hpp"
#include "rapt/core/int8.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/kv/strided.hpp"

RAPT_NAMESPACE_BEGIN

/// What keys and values may be, in memory and as floating-point numbers in a cache: float, double, Eigen::half or
/// Eigen::bfloat16. The 16-bit types are computed with in float.
template <class K>
concept CacheElement = std::is_same_v<K, float> || std::is_same_v<K, double> || std::is_same_v<K, Eigen::half> ||
    std::is_same_v<K, Eigen::bfloat16>;

/// What a cache may quantise its keys and values to: int8, with a scale for each position and head, int8_channels, of
/// keys only, with a scale for each dim of a head, or ggml's q8_0, q4_0, q4_1, q5_0 and q5_1, with a scale, and in some
/// a minimum, for each 32 dims of those.
template <class K>
concept QuantisedElement = std::is_same_v<K, int8> || std::is_same_v<K, int8_channels> || BlockFormat<K>;

/// What a cache keeps: also floating-point numbers of 8 bits, times a scale of their head.
template <class K>
concept CacheStorage = CacheElement<K> || Fp8Element<K> || QuantisedElement<K>;

namespace detail {

template <> struct ArithmeticOf<int8> { using type = float; };
template <> struct ArithmeticOf<int8_channels> { using type = float; };
template <BlockFormat B> struct ArithmeticOf<B> { using type = float; };

/// A format's codes and scales. `block`: dims that share a scale; `scaled`: whether a position has any; `lowest`: the
/// code that is kept as 0.
template <class F> struct Format {
  static constexpr int bits = code_bits<F>, lowest = bits == 8 ? -128 : -code_offset<F>;
  static constexpr bool scaled = true, minimum = has_minimum<F>;
  static constexpr Index block = block_size;
  using Scale = std::uint16_t;  // the bits of a half
};
template <> struct Format<int8> {
  static constexpr int bits = 8, lowest = -128;
  static constexpr bool scaled = true, minimum = false;
  static constexpr Index block = 0;  // all
  using Scale = float;
};

template <> struct Format<int8_channels> {
  static constexpr int bits = 8, lowest = -128;
  static constexpr bool scaled = false, minimum = false;
  static constexpr Index block = 0;
  using Scale = float;  // none is kept
};

inline float scale_of(float scale) { return scale; }
inline float scale_of(std::uint16_t bits) { return from_half_bits(bits); }

/// An element that fewer than 16 bits go together with in a call: what they are computed in.
template <class K> struct Widened { using type = K; };
template <CacheStorage K>
  requires(!CacheElement<K>)
struct Widened<K> {
  using type = float;
};
template <class K> using widened_t = typename Widened<K>::type;

/// A byte of a block of codes.
template <class F> struct Packed {
  using Kept = F;
  using Format = detail::Format<F>;
  std::uint8_t byte;
};
template <class K> inline constexpr bool is_packed = false;
template <class F> inline constexpr bool is_packed<Packed<F>> = true;

/// What a cache's memory consists of.
template <class K> struct StoredAs { using type = K; };
template <QuantisedElement K> struct StoredAs<K> { using type = Packed<K>; };
template <class K> using stored_t = typename StoredAs<K>::type;

/// Where the codes, scales and minima of a block of 16 positions stand, in bytes, for so many dims.
template <class F> struct BlockLayout {
  static constexpr int bits = F::bits;
  static constexpr Index positions = key_block, scale_bytes = Index(sizeof(typename F::Scale));

  Index dims;    // filled up: to whole quads of keys, or whole registers of values; to whole blocks that share a scale
  Index scales;  // of a position

  static constexpr BlockLayout of_keys(Index dim) {
    return F::block == 0 ? BlockLayout{round_up(dim, 4), F::scaled ? 1 : 0}
                         : BlockLayout{round_up(dim, F::block), ceil_div(dim, F::block)};
  }
  static constexpr BlockLayout of_values(Index dim) {
    return F::block == 0 ? BlockLayout{round_up(dim, 16), 1}
                         : BlockLayout{round_up(dim, F::block), ceil_div(dim, F::block)};
  }

  constexpr Index code_bytes() const { return positions * dims * (bits == 8 ? 8 : 4) / 8; }
  constexpr Index first_scale() const { return code_bytes() + (bits == 5 ? positions * dims / 8 : 0); }
  constexpr Index first_minimum() const { return first_scale() + positions * scales * scale_bytes; }
  constexpr Index bytes() const { return first_minimum() + (F::minimum ? positions * scales * scale_bytes : 0); }
  /// Of a position, on average.
  constexpr Index bytes_each() const { return bytes() / positions; }
};

/// Elements, or bytes of codes, that a position's key takes.
template <class K> constexpr Index key_units(Index head_dim) {
  if constexpr (is_packed<K>)
    return BlockLayout<typename K::Format>::of_keys(head_dim).bytes_each();
  else
    return head_dim;
}

/// The same of a position's value: rows of elements take whole cache lines.
template <class V> constexpr Index value_units(Index value_dim) {
  if constexpr (is_packed<V>)
    return BlockLayout<typename V::Format>::of_values(value_dim).bytes_each();
  else
    return round_up(value_dim, Index(64 / sizeof(V)));
}

/// Whether keys, or values, are times a scale of their head.
template <class Kv>
inline constexpr bool has_scales = Fp8Element<typename Kv::StoredKey> || Fp8Element<typename Kv::StoredValue>;

/// Scales of heads, all 1 if there are none.
struct HeadScales {
  const float* of = nullptr;
  float operator[](Index head) const { return of == nullptr ? 1.0f : of[head]; }
};

/// How a cache's keys are changed before they are quantised, and queries before they meet them: turned by Hadamard's
/// matrix; divided by scales of their channels, with which queries are multiplied.
struct KeyChange {
  bool hadamard = false;
  const float* channel_scales = nullptr;  // [head][dim]
  const float* channels(Index head, Index dim) const {
    return channel_scales == nullptr ? nullptr : channel_scales + head * dim;
  }
};

/// Whether keys, or values, are codes.
template <class Kv>
inline constexpr bool has_codes = is_packed<typename Kv::StoredKey> || is_packed<typename Kv::StoredValue>;

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
