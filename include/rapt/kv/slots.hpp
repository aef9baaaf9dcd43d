// Where the positions of a cache stand that has memory for all of them: one stretch a sequence.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "rapt/core/contract.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/large_memory.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/kv/blocked.hpp"
#include "rapt/kv/shape.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Memory for the keys and values of sequences of a given capacity; in a ring, later positions take the place of
/// earlier ones.
template <class K, class V = K> class Slots {
 public:
  using Kv = BlockedKv<K, V>;

  Slots(const CacheShape& shape, bool ring) : shape_(checked(shape)), ring_(ring) {
    slots_ = round_up(shape_.capacity, contract::tile);
    key_scales_ = checked_scales<K>("key_scales", shape_.key_scales, shape_.kv_heads);
    value_scales_ = checked_scales<V>("value_scales", shape_.value_scales, shape_.kv_heads);
    channel_scales_ = checked_channels<K>(shape_);
    shape_.key_scales = shape_.value_scales = shape_.channel_scales = {};  // whose memory is the caller's
    key_units_ = key_units<K>(shape_.head_dim);
    value_row_ = value_units<V>(shape_.value_dim);
    extents_.resize(static_cast<std::size_t>(shape_.sequences));
    memory_ = LargeMemory(bytes());
  }

  const CacheShape& shape() const { return shape_; }
  bool ring() const { return ring_; }
  Index bytes() const { return key_bytes() + shape_.sequences * value_elements() * Index(sizeof(V)); }
  Index length(Index s) const { return extents_[at(s)].length; }
  Index first(Index s) const { return extents_[at(s)].first; }
  Index first_after(Index s, Index more) const { return std::max(first(s), length(s) + more - slots_); }
  /// Positions that can be taken in at once.
  Index room(Index s) const { return ring_ ? slots_ : shape_.capacity - length(s); }
  /// Nothing else can be short of memory: it is there.
  template <class Count> void check_memory(const Count&) const {}

  /// Positions [first, last) of a sequence are to be written to: they are nobody else's.
  void make_own(Index, Index, Index) {}
  /// The next `count` positions get a place, at key() and value().
  void grow(Index s, Index count) { set_length(s, length(s) + count); }
  void truncate(Index s, Index length) {
    set_length(s, length);
    if (length == 0) extents_[at(s)].first = 0;
  }
  void copy_prefix(Index from, Index to, Index length) {
    if (from != to) copy_slots(from, to, std::min(round_up(length, key_block), slots_));
    const Index changes = extents_[at(to)].changes;
    extents_[at(to)] = Extent(extents_[at(from)]);
    extents_[at(to)].changes = changes;
    set_length(to, length);
  }

  Kv kv(Index sequence, Index count) const {
    return {count,
            shape_.kv_heads,
            slots_,
            shape_.head_dim,
            shape_.value_dim,
            value_row_,
            keys() + sequence * key_elements(),
            values() + sequence * value_elements(),
            extents_.data() + sequence,
            {},
            head_scales(key_scales_),
            head_scales(value_scales_),
            {shape_.hadamard, channel_scales_.empty() ? nullptr : channel_scales_.data()}};
  }
  K* keys() const { return reinterpret_cast<K*>(memory_.data()); }
  V* values() const { return reinterpret_cast<V*>(memory_.data() + key_bytes()); }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  Index key_elements() const { return shape_.kv_heads * slots_ * key_units_; }  // of a sequence
  Index value_elements() const { return shape_.kv_heads * slots_ * value_row_; }
  Index key_bytes() const { return shape_.sequences * key_elements() * Index(sizeof(K)); }

  void set_length(Index sequence, Index length) {
    Extent& e = extents_[at(sequence)];
    ++e.changes;
    e.length = length;
    e.base = length == 0 ? 0 : (length - 1) / slots_ * slots_;
    e.first = std::max(e.first, length - slots_);
  }

  void copy_slots(Index from, Index to, Index slots) {
    for (Index h = 0; h < shape_.kv_heads; ++h) {
      const Index source = (from * shape_.kv_heads + h) * slots_, target = (to * shape_.kv_heads + h) * slots_;
      std::memcpy(static_cast<void*>(keys() + target * key_units_), keys() + source * key_units_,
                  at(slots * key_units_) * sizeof(K));
      std::memcpy(static_cast<void*>(values() + target * value_row_), values() + source * value_row_,
                  at(slots * value_row_) * sizeof(V));
    }
  }

  CacheShape shape_;
  bool ring_;
  Index slots_ = 0, key_units_ = 0, value_row_ = 0;
  std::vector<Extent> extents_;
  std::vector<float> key_scales_, value_scales_;  // [head]
  std::vector<float> channel_scales_;             // [head][dim]
  LargeMemory memory_;
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
