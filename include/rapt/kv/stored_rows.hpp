// A position's key and value in a cache's memory: put there, read back, and moved, whatever they are kept as.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "rapt/core/narrow.hpp"
#include "rapt/kv/formats.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What rows are on their way into a cache: what it keeps, or, before they are quantised, float.
template <class K> struct RowAs { using type = K; };
template <class F> struct RowAs<Packed<F>> { using type = float; };
template <Fp8Element K> struct RowAs<K> { using type = float; };
template <class K> using row_as_t = typename RowAs<K>::type;

// Elements: a key's are key_block apart, a value's side by side. `inside` its block is where a pointer to a key points.

template <class K> void put_key(K* key, Index, Index dim, const K* row) {
  for (Index d = 0; d < dim; ++d) key[d * key_block] = row[d];
}
template <class K, class T> void get_key(const K* key, Index, Index dim, T* row) {
  for (Index d = 0; d < dim; ++d) row[d] = widened(key[d * key_block]);
}
template <class K> void copy_key(const K* from, Index, Index dim, K* to, Index) {
  for (Index d = 0; d < dim; ++d) to[d * key_block] = from[d * key_block];
}
template <class V, class T> void get_value(const V* value, Index, Index dim, T* row) {
  for (Index d = 0; d < dim; ++d) row[d] = widened(value[d]);
}
template <class V> void copy_value(const V* from, Index, Index dim, V* to, Index) { std::copy_n(from, dim, to); }

// Of 8 bits with a point: numbers are `scale` times what is kept, which is rounded from the quotient.

template <Fp8Element K> void put_key(K* key, Index, Index dim, const float* row, float scale) {
  for (Index d = 0; d < dim; ++d) narrow(row[d] / scale, key[d * key_block]);
}
template <Fp8Element V> void put_value(V* value, Index, Index dim, const float* row, float scale) {
  for (Index d = 0; d < dim; ++d) narrow(row[d] / scale, value[d]);
}

/// The codes of a block of keys or values, [quad][lanes][4], as formats.hpp has them, and their scales.
template <class F, class Byte> struct Block {
  using Layout = BlockLayout<Format<F>>;
  using Scale = typename Format<F>::Scale;
  static constexpr int bits = Format<F>::bits, lowest = Format<F>::lowest;

  Byte* bytes;
  Layout layout;
  Index lanes;   // of a quad: the positions, or the dims
  bool of_keys;  // a lane is a position, and four dims make a quad

  /// Where number i of position p is.
  struct Place {
    Index quad, lane, in;
  };
  Place place(Index i, Index p) const { return of_keys ? Place{i / 4, p, i % 4} : Place{p / 4, i, p % 4}; }

  void put(Index i, Index p, int code) const {
    const Place at = place(i, p);
    const int stored = code - lowest;
    if constexpr (bits == 8) {
      bytes[(at.quad * lanes + at.lane) * 4 + at.in] = static_cast<std::uint8_t>(stored);
    } else {
      std::uint8_t& byte = bytes[(at.quad / 2 * lanes + at.lane) * 4 + at.in];
      const int up = at.quad % 2 == 0 ? 0 : 4;
      byte = static_cast<std::uint8_t>((byte & ~(15 << up)) | (stored & 15) << up);
      if constexpr (bits == 5) {
        const Index bit = (at.quad * lanes + at.lane) * 4 + at.in;
        std::uint8_t& fifth = bytes[layout.code_bytes() + bit / 8];
        fifth = static_cast<std::uint8_t>((fifth & ~(1 << bit % 8)) | (stored >> 4) << bit % 8);
      }
    }
  }
  int code(Index i, Index p) const {
    const Place at = place(i, p);
    if constexpr (bits == 8) return bytes[(at.quad * lanes + at.lane) * 4 + at.in] + lowest;
    int stored = bytes[(at.quad / 2 * lanes + at.lane) * 4 + at.in] >> at.quad % 2 * 4 & 15;
    if constexpr (bits == 5) {
      const Index bit = (at.quad * lanes + at.lane) * 4 + at.in;
      stored |= (bytes[layout.code_bytes() + bit / 8] >> bit % 8 & 1) << 4;
    }
    return stored + lowest;
  }
  auto* scales() const { return scales_from(layout.first_scale()); }
  auto* minima() const { return scales_from(layout.first_minimum()); }

 private:
  auto* scales_from(Index first) const {
    using Kept = std::conditional_t<std::is_const_v<Byte>, const Scale, Scale>;
    return reinterpret_cast<Kept*>(bytes + first);
  }
};

template <class F> auto block_of_keys(Packed<F>* keys, Index dim) {
  return Block<F, std::uint8_t>{&keys->byte, BlockLayout<Format<F>>::of_keys(dim), key_block, true};
}
template <class F> auto block_of_keys(const Packed<F>* keys, Index dim) {
  return Block<F, const std::uint8_t>{&keys->byte, BlockLayout<Format<F>>::of_keys(dim), key_block, true};
}
template <class F> auto block_of_values(Packed<F>* values, Index dim) {
  const auto layout = BlockLayout<Format<F>>::of_values(dim);
  return Block<F, std::uint8_t>{&values->byte, layout, layout.dims, false};
}
template <class F> auto block_of_values(const Packed<F>* values, Index dim) {
  const auto layout = BlockLayout<Format<F>>::of_values(dim);
  return Block<F, const std::uint8_t>{&values->byte, layout, layout.dims, false};
}

/// Group b of a position's dims, as ggml has it.
template <class F> void put_block(const Block<F, std::uint8_t>& block, Index p, Index b, const F& codes) {
  for (Index i = 0; i < block_size; ++i) block.put(b * block_size + i, p, code_of(codes, i));
  block.scales()[b * key_block + p] = codes.d;
  if constexpr (Format<F>::minimum) block.minima()[b * key_block + p] = codes.m;
}

template <class F> F get_block(const Block<F, const std::uint8_t>& block, Index p, Index b) {
  F codes{};
  for (Index i = 0; i < block_size; ++i) put_code(codes, i, block.code(b * block_size + i, p));
  codes.d = block.scales()[b * key_block + p];
  if constexpr (Format<F>::minimum) codes.m = block.minima()[b * key_block + p];
  return codes;
}

/// Quantises a row and puts it at a position; a last group of dims is filled up with zeros.
template <class F> void put_row(const Block<F, std::uint8_t>& block, Index p, Index dim, const float* row) {
  if constexpr (std::is_same_v<F, int8>) {
    block.scales()[p] = quantise_int8(row, dim, [&](Index i, int code) { block.put(i, p, code); });
  } else if constexpr (!Format<F>::scaled) {
    for (Index i = 0; i < dim; ++i) block.put(i, p, clamped_nearest(row[i], 127));
  } else {
    for (Index b = 0; b * block_size < dim; ++b) {
      float numbers[block_size] = {};
      std::copy_n(row + b * block_size, std::min(block_size, dim - b * block_size), numbers);
      put_block(block, p, b, quantised_block<F>(numbers));
    }
  }
}
/// A row as the numbers that its codes stand for.
template <class F> void get_row(const Block<F, const std::uint8_t>& block, Index p, Index dim, float* row) {
  for (Index i = 0; i < dim; ++i) {
    const Index group = Format<F>::block == 0 ? 0 : i / block_size * key_block;
    row[i] = static_cast<float>(block.code(i, p));
    if constexpr (Format<F>::scaled) row[i] *= scale_of(block.scales()[group + p]);
    if constexpr (Format<F>::minimum) row[i] += scale_of(block.minima()[group + p]);
  }
}
template <class F>
void copy_row(const Block<F, const std::uint8_t>& from, Index p, const Block<F, std::uint8_t>& to, Index q) {
  for (Index i = 0; i < from.layout.dims; ++i) to.put(i, q, from.code(i, p));
  for (Index b = 0; b < from.layout.scales; ++b) {
    to.scales()[b * key_block + q] = from.scales()[b * key_block + p];
    if constexpr (Format<F>::minimum) to.minima()[b * key_block + q] = from.minima()[b * key_block + p];
  }
}

// Codes: the pointer is to the block that the position is in.

template <class F> void put_key(Packed<F>* block, Index inside, Index dim, const float* row) {
  put_row(block_of_keys(block, dim), inside, dim, row);
}
template <class F> void get_key(const Packed<F>* block, Index inside, Index dim, float* row) {
  get_row(block_of_keys(block, dim), inside, dim, row);
}
template <class F> void copy_key(const Packed<F>* from, Index inside, Index dim, Packed<F>* to, Index inside_to) {
  copy_row(block_of_keys(from, dim), inside, block_of_keys(to, dim), inside_to);
}
template <class F> void put_value(Packed<F>* block, Index inside, Index dim, const float* row) {
  put_row(block_of_values(block, dim), inside, dim, row);
}
template <class F> void get_value(const Packed<F>* block, Index inside, Index dim, float* row) {
  get_row(block_of_values(block, dim), inside, dim, row);
}
template <class F> void copy_value(const Packed<F>* from, Index inside, Index dim, Packed<F>* to, Index inside_to) {
  copy_row(block_of_values(from, dim), inside, block_of_values(to, dim), inside_to);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
