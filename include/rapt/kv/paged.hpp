// Keys and values in pages: a block table says for each sequence which page holds which of its positions.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/divisor.hpp"
#include "rapt/core/integers.hpp"
#include "rapt/core/ragged.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/view.hpp"
#include "rapt/kv/strided.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Which page holds a position: page table[position / size], place position % size.
struct PageOf {
  Integers table;  // of a sequence
  Divisor size;

  struct Place {
    Index page, inside;
  };
  Place operator()(Index position) const {
    const std::int32_t place = static_cast<std::int32_t>(position), at = size.divide(place);
    return {table.low(at), place - at * size.value()};
  }
};

/// Block tables, and how many positions each sequence has.
struct BlockTable {
  IntegerMatrix pages;  // [sequence][position / page size]; what is beyond a length is never looked at
  Integers lengths;
  Divisor page_size;

  PageOf of(Index b) const { return {pages.row(b), page_size}; }
  Index length(Index b) const { return lengths[b]; }
  /// Pages that a sequence of this length takes.
  Index count(Index length) const { return ceil_div(length, page_size.value()); }
  /// Another number, as good as surely, once a length or a page has changed.
  RAPT_NOINLINE Index fingerprint() const {
    std::uint64_t mixed = 0;
    for (Index b = 0; b < lengths.size(); ++b) {
      mixed = (mixed ^ static_cast<std::uint64_t>(length(b))) * 0x9e3779b97f4a7c15 + 1;
      for (Index i = 0; i < count(length(b)); ++i)
        mixed = (mixed ^ static_cast<std::uint32_t>(pages.low(b, i))) * 0x9e3779b97f4a7c15 + 2;
    }
    return static_cast<Index>(mixed >> 1);
  }
};

/// As StridedHead, in pages; where keys are in blocks, as BlockedHead.
template <class K, class V, bool blocked> struct PagedHead {
  const K* keys;  // of page 0
  const V* values;
  PageOf page_of;
  Index key_page, value_page, key_step, value_step;  // elements from one page to the next one, and from one position

  PageOf::Place place(Index position) const { return page_of(position); }
  const K* key(PageOf::Place at) const {
    const Index in_block = blocked ? at.inside % key_block : 0;
    return keys + at.page * key_page + (at.inside - in_block) * key_step + in_block;
  }
  const V* value(PageOf::Place at) const { return values + at.page * value_page + at.inside * value_step; }
  const K* key(Index position) const { return key(place(position)); }
  const V* value(Index position) const { return value(place(position)); }
};

/// As StridedKv, in a caller's pages: a key is a row, with any strides.
template <class K, class V = K> struct PagedRowsKv {
  using StoredKey = K;
  using StoredValue = V;
  using Head = PagedHead<K, V, false>;
  static constexpr bool blocked = false, paged = true;

  View<const K> k;  // [page, kv_head, place in the page, head_dim]
  View<const V> v;  // [page, kv_head, place in the page, value_dim]
  BlockTable table;

  Index batch() const { return table.lengths.size(); }
  Index heads() const { return k.heads(); }
  Index head_dim() const { return k.dim(); }
  Index value_dim() const { return v.dim(); }
  Index length(Index b) const { return table.length(b); }
  Index longest() const { return longest_of(*this); }
  Index first(Index) const { return 0; }
  Index changes() const { return table.fingerprint(); }

  RAPT_NOINLINE Head head(Index b, Index h) const {
    return {k.row(0, h, 0), v.row(0, h, 0), table.of(b), k.stride[0], v.stride[0], k.stride[2], v.stride[2]};
  }
  Index key_stride() const { return k.stride[3]; }
  Index value_stride() const { return v.stride[3]; }
  Index key_step() const { return k.stride[2]; }
  Index value_step() const { return v.stride[2]; }
  bool even_blocks() const { return table.page_size.value() % key_block == 0; }
  bool heads_inside() const { return false; }
};

/// As BlockedKv, in pages of a pool, whose size is a multiple of a block's.
template <class K, class V = K> struct PagedBlocksKv {
  using StoredKey = K;
  using StoredValue = V;
  using Head = PagedHead<K, V, true>;
  static constexpr bool blocked = true, paged = true;

  Index kv_heads, key_dim, row_dim;
  Index value_row;             // elements of a row of values, as in BlockedKv
  Index key_page, value_page;  // elements from one page to the next one
  const K* keys;               // [page][head][block][key_dim][key_block]
  const V* values;             // [page][head][place][value_row]
  BlockTable table;

  Index batch() const { return table.lengths.size(); }
  Index heads() const { return kv_heads; }
  Index head_dim() const { return key_dim; }
  Index value_dim() const { return row_dim; }
  Index length(Index b) const { return table.length(b); }
  Index longest() const { return longest_of(*this); }
  Index first(Index) const { return 0; }
  Index changes() const { return table.fingerprint(); }

  Head head(Index b, Index h) const {
    const Index size = table.page_size.value(), first = h * size;
    return {keys + first * key_dim, values + first * value_row, table.of(b), key_page, value_page, key_dim, value_row};
  }
  Index key_stride() const { return key_block; }
  Index value_stride() const { return 1; }
  Index value_step() const { return value_row; }
  bool heads_inside() const { return false; }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
