// Keys and values in a caller's memory.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/ragged.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Keys of a block, where keys are kept in blocks [dim][key]: a kernel that has keys in its lanes loads them as they
/// are. As many as the widest register has lanes.
inline constexpr Index key_block = 16;

/// The most keys of any entry of a batch.
template <class Kv> Index longest_of(const Kv& kv) {
  Index most = 0;
  for (Index b = 0; b < kv.batch(); ++b) most = kv.length(b) > most ? kv.length(b) : most;
  return most;
}

/// The keys and values of one head of one sequence.
template <class K, class V = K> struct StridedHead {
  const K* keys;  // of position 0
  const V* values;
  Index key_step, value_step;

  const K* key(Index position) const { return keys + position * key_step; }
  const V* value(Index position) const { return values + position * value_step; }
};

/// Where keys and values live, as the kernels see it: each has a place, and its elements stand a fixed distance apart.
/// Every other home of keys and values has these members too, and the kernels know no more of it.
template <class K, class V = K> struct StridedKv {
  using StoredKey = K;  // what an element of a key is kept as
  using StoredValue = V;
  using Head = StridedHead<K, V>;

  /// Whether the keys of `key_block` consecutive positions, from a multiple of it on, stand in a block. Then a block is
  /// whole even where the keys end within it, and so is a tile's last register of each value, whatever stands there.
  static constexpr bool blocked = false;
  /// Whether each block of positions has to be looked up, as there is no distance from one to the next.
  static constexpr bool paged = false;

  View<const K> k;           // [batch, kv_heads, kv_len, head_dim]
  View<const V> v;           // [batch, kv_heads, kv_len, value_dim]
  Placement k_at{}, v_at{};  // along the positions, in a ragged batch; equally long in both

  Index batch() const { return k.batch(); }
  Index heads() const { return k.heads(); }
  Index head_dim() const { return k.dim(); }
  Index value_dim() const { return v.dim(); }
  /// Keys of one entry of the batch, and the most that any entry has.
  Index length(Index b) const { return k_at.length(b, k.length()); }
  Index longest() const { return k_at.kind == Placement::Kind::whole ? k.length() : longest_of(*this); }
  /// The first position whose key is still there.
  Index first(Index) const { return 0; }
  /// Another number once any of the lengths has changed.
  Index changes() const { return k_at.fingerprint() ^ v_at.fingerprint() << 1; }

  /// A head of a sequence that has keys.
  RAPT_NOINLINE Head head(Index b, Index h) const {
    return {k.row(b, h, k_at.begin(b)), v.row(b, h, v_at.begin(b)), k.stride[2], v.stride[2]};
  }
  Index key_stride() const { return k.stride[3]; }
  Index value_stride() const { return v.stride[3]; }
  /// Elements from one position's key, or value, to the next one's, within a block of positions. (Blocked keys have no
  /// such distance.)
  Index key_step() const { return k.stride[2]; }
  Index value_step() const { return v.stride[2]; }
  /// Whether the positions of a block do stand so.
  bool even_blocks() const { return true; }
  /// Whether the heads of a position stand closer together than the positions of a head.
  bool heads_inside() const {
    const auto distance = [](Index stride) { return stride < 0 ? -stride : stride; };
    return heads() > 1 && k.length() > 1 && distance(k.stride[1]) < distance(k.stride[2]);
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
