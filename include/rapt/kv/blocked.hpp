// Keys and values in a cache: keys in blocks [dim][key], values in rows.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/integers.hpp"
#include "rapt/core/types.hpp"
#include "rapt/kv/formats.hpp"
#include "rapt/kv/strided.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// How far a sequence in a cache has come. Position p, from first to length − 1, stands in slot p − base, or, if that
/// is negative, as many slots later as there are.
struct Extent {
  Index length = 0;  // positions so far
  Index first = 0;   // the first one that is still there: in a ring, later ones take the place of earlier ones
  Index base = 0;    // the largest multiple of the number of slots that is less than length; or 0
  Index changes = 0;
};

/// As StridedHead. Of codes, key() and value() are the block that a position is in.
template <class K, class V = K> struct BlockedHead {
  const K* keys;  // of slot 0
  const V* values;
  Index base, slots, key_units, value_row;  // units: elements, or bytes of codes

  Index slot(Index position) const {
    const Index at = position - base;
    return at < 0 ? at + slots : at;
  }
  const K* key(Index position) const {
    const Index at = slot(position), inside = at % key_block;
    return keys + (at - inside) * key_units + (is_packed<K> ? 0 : inside);
  }
  const V* value(Index position) const {
    const Index at = slot(position);
    return values + (is_packed<V> ? at - at % key_block : at) * value_row;
  }
};

/// As StridedKv, of some sequences of a cache.
template <class K, class V = K> struct BlockedKv {
  using StoredKey = K;
  using StoredValue = V;
  using Head = BlockedHead<K, V>;
  static constexpr bool blocked = true, paged = false;

  Index sequences, kv_heads, slots, key_dim, row_dim;
  Index value_row;        // units of a row of values, some of them behind its end: whole cache lines
  const K* keys;          // [sequence][head][slot / key_block][key_dim][key_block], or blocks of codes
  const V* values;        // [sequence][head][slot][value_row]
  const Extent* extents;  // [sequence]
  Integers chosen{};      // which sequence each batch entry is, if not that of its own number
  HeadScales key_scales{}, value_scales{};
  KeyChange key_change{};

  void choose(const Integers& which) {
    chosen = which;
    sequences = which.size();
  }
  Index sequence(Index b) const { return chosen.size() == 0 ? b : chosen[b]; }

  Index batch() const { return sequences; }
  Index heads() const { return kv_heads; }
  Index head_dim() const { return key_dim; }
  Index value_dim() const { return row_dim; }
  Index length(Index b) const { return extents[sequence(b)].length; }
  Index longest() const { return longest_of(*this); }
  Index first(Index b) const { return extents[sequence(b)].first; }
  /// Another number, as good as surely, once any of the sequences has changed.
  Index changes() const {
    std::uint64_t sum = 0;
    for (Index b = 0; b < sequences; ++b)
      sum = sum * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(sequence(b) + extents[sequence(b)].changes);
    return static_cast<Index>(sum >> 1);
  }

  Head head(Index b, Index h) const {
    const Index s = sequence(b), first = (s * kv_heads + h) * slots;
    const Index units = key_units<K>(key_dim);
    return {keys + first * units, values + first * value_row, extents[s].base, slots, units, value_row};
  }
  Index key_stride() const { return key_block; }
  Index value_stride() const { return 1; }
  Index value_step() const { return value_row; }
  bool heads_inside() const { return false; }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
