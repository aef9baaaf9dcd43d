// Keys and values as FlashAttention takes them: each sequence somewhere in a tensor, or in pages of one.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/view.hpp"
#include "rapt/kv/strided.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::flash_attention::detail {

/// Where a sequence is: from position `begin` of an entry on.
struct Slot {
  Index entry, begin, length;
};

/// The keys and values of one head of one sequence.
template <class K> struct SlotHead {
  const K *keys, *values;  // of position 0; in pages, of position 0 of page 0
  Index key_step, value_step;
  const std::int32_t* pages = nullptr;  // the sequence's, if it has pages
  std::uint32_t page_size = 1;
  Index key_page_step = 0, value_page_step = 0;

  struct Place {
    Index page, inside;
  };
  Place place(Index p) const {
    if (pages == nullptr) return {0, p};
    const std::uint32_t position = static_cast<std::uint32_t>(p), page = position / page_size;
    return {pages[page], static_cast<Index>(position - page * page_size)};
  }
  const K* key(Place at) const { return keys + at.page * key_page_step + at.inside * key_step; }
  const K* value(Place at) const { return values + at.page * value_page_step + at.inside * value_step; }
  const K* key(Index p) const { return key(place(p)); }
  const K* value(Index p) const { return value(place(p)); }
};

/// Where keys and values live, as the kernels see it (see kv/strided.hpp).
template <class K> struct Slots {
  using StoredKey = K;
  using StoredValue = K;
  using Head = SlotHead<K>;
  static constexpr bool blocked = false, paged = true;

  View<const K> k, v;  // [entries or pages, kv_heads, positions, dim]
  const Slot* slots;
  Index count;                          // sequences
  const std::int32_t* table = nullptr;  // [count][table_step]: the pages of each
  Index table_step = 0;

  Index batch() const { return count; }
  Index heads() const { return k.heads(); }
  Index head_dim() const { return k.dim(); }
  Index value_dim() const { return v.dim(); }
  Index length(Index b) const { return slots[b].length; }
  Index longest() const { return rapt::detail::longest_of(*this); }
  Index first(Index) const { return 0; }
  Index changes() const { return 0; }

  RAPT_NOINLINE SlotHead<K> head(Index b, Index h) const {
    const Slot& s = slots[b];
    if (table == nullptr) return {k.row(s.entry, h, s.begin), v.row(s.entry, h, s.begin), k.stride[2], v.stride[2]};
    return {k.row(0, h, 0),
            v.row(0, h, 0),
            k.stride[2],
            v.stride[2],
            table + b * table_step,
            static_cast<std::uint32_t>(k.length()),
            k.stride[0],
            v.stride[0]};
  }
  Index key_stride() const { return k.stride[3]; }
  Index value_stride() const { return v.stride[3]; }
  Index key_step() const { return k.stride[2]; }
  Index value_step() const { return v.stride[2]; }
  bool even_blocks() const { return table == nullptr || k.length() % rapt::detail::key_block == 0; }
  bool heads_inside() const {
    const auto distance = [](Index stride) { return stride < 0 ? -stride : stride; };
    return heads() > 1 && longest() > 1 && distance(k.stride[1]) < distance(k.stride[2]);
  }
};

}  // namespace compat::flash_attention::detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
