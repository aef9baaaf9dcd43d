// Keys and values in pages: a block table says for each sequence which page holds which of its positions.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/divisor.hpp"
#include "rapt/core/integers.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/view.hpp"
#include "rapt/kv/cache_view.hpp"
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
  Integers chosen{};  // which sequence each batch entry is, if not that of its own number

  Index count() const { return chosen.size() == 0 ? lengths.size() : chosen.size(); }
  Index sequence(Index b) const { return chosen.size() == 0 ? b : chosen[b]; }
  PageOf of(Index b) const { return {pages.row(sequence(b)), page_size}; }
  Index length(Index b) const { return lengths[sequence(b)]; }
  /// Pages that a sequence of this length takes.
  Index pages_of(Index length) const { return ceil_div(length, page_size.value()); }
  /// Another number, as good as surely, once a length or a page has changed.
  RAPT_NOINLINE Index fingerprint() const {
    std::uint64_t mixed = 0;
    for (Index b = 0; b < count(); ++b) {
      mixed = (mixed ^ static_cast<std::uint64_t>(sequence(b)) << 32 ^ static_cast<std::uint64_t>(length(b))) *
                  0x9e3779b97f4a7c15 +
              1;
      for (Index i = 0; i < pages_of(length(b)); ++i)
        mixed = (mixed ^ static_cast<std::uint32_t>(pages.low(sequence(b), i))) * 0x9e3779b97f4a7c15 + 2;
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
    return keys + at.page * key_page + (at.inside - in_block) * key_step + (is_packed<K> ? 0 : in_block);
  }
  const V* value(PageOf::Place at) const {
    const Index in_block = is_packed<V> ? at.inside % key_block : 0;
    return values + at.page * value_page + (at.inside - in_block) * value_step;
  }
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

  void choose(const Integers& which) { table.chosen = which; }
  Index sequence(Index b) const { return table.sequence(b); }
  Index batch() const { return table.count(); }
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
  Index value_row;             // units of a row of values, as in BlockedKv
  Index key_page, value_page;  // units from one page to the next one
  const K* keys;               // [page][head][block][key_dim][key_block], or blocks of codes
  const V* values;             // [page][head][place][value_row]
  BlockTable table;
  HeadScales key_scales{}, value_scales{};
  KeyChange key_change{};

  void choose(const Integers& which) { table.chosen = which; }
  Index sequence(Index b) const { return table.sequence(b); }
  Index batch() const { return table.count(); }
  Index heads() const { return kv_heads; }
  Index head_dim() const { return key_dim; }
  Index value_dim() const { return row_dim; }
  Index length(Index b) const { return table.length(b); }
  Index longest() const { return longest_of(*this); }
  Index first(Index) const { return 0; }
  Index changes() const { return table.fingerprint(); }

  Head head(Index b, Index h) const {
    const Index size = table.page_size.value(), first = h * size;
    const Index units = key_units<K>(key_dim);
    return {keys + first * units, values + first * value_row, table.of(b), key_page, value_page, units, value_row};
  }
  Index key_stride() const { return key_block; }
  Index value_stride() const { return 1; }
  Index value_step() const { return value_row; }
  bool heads_inside() const { return false; }
};

/// What can be wrong with a caller's pages: the table is looked at as far as the lengths reach.
template <class K, class V> RAPT_NOINLINE void check_pages(const PagedRowsKv<K, V>& kv) {
  const View<const K>& k = kv.k;
  const View<const V>& v = kv.v;
  const BlockTable& t = kv.table;
  check_view(k, "k_pages", "head_dim");
  check_view(v, "v_pages", "value_dim");
  check_same("v_pages", "the number of pages", v.batch(), k.batch(), "k_pages");
  check_same("v_pages", "the number of heads", v.heads(), k.heads(), "k_pages");
  check_same("v_pages", "the page size", v.length(), k.length(), "k_pages");
  check_same("block_table", "the number of sequences", t.pages.rows(), t.lengths.size(), "lengths");
  for (Index b = 0; b < t.lengths.size(); ++b) {
    const Index length = t.length(b);
    if (length < 0 || length >= max_length || t.pages_of(length) > t.pages.columns())
      fail("lengths", {"length ", b, " is ", length},
           {"it has to be 0 or more, and the block table has ", t.pages.columns(), " pages of ", k.length(),
            " for each sequence"});
    for (Index i = 0; i < t.pages_of(length); ++i)
      if (t.pages(b, i) < 0 || t.pages(b, i) >= k.batch())
        fail("block_table", {"page ", i, " of sequence ", b, " is ", t.pages(b, i)},
             {"it has to be from 0 to ", k.batch() - 1, ", as there are ", k.batch(), " pages"});
  }
}

}  // namespace detail

/// Keys and values in pages of a caller's own, for attention() to attend to: position p of sequence b stands in page
/// block_table(b, p / page_size), at place p % page_size, as in vLLM's PagedAttention (Kwon et al. 2023,
/// arXiv:2309.06180) and FlashAttention's block_table.
///
///   k_pages      [pages, kv_heads, page_size, head_dim], any strides; v_pages: value_dim instead of head_dim
///   block_table  [sequences, pages of the longest or more]: pages in any order, shared by as many as like to
///   lengths      positions of each sequence; what the table has beyond them is never looked at, nor are the pages
///
///     const auto pages = rapt::bshd(k_data, num_pages, page_size, kv_heads, head_dim);
///     rapt::attention(q, rapt::paged(pages, v_pages, rapt::row_major(table, batch, table_pages), lengths), out,
///                     rapt::causal());
///
/// Owns nothing. Pages of 16 positions, or a multiple, are read in place where few queries attend to them. Throws
/// std::invalid_argument for a page size of 0; the call that attends checks everything else, each page's number too.
template <class K, class V>
auto paged(const View<K>& k_pages, const View<V>& v_pages, const detail::IntegerMatrix& block_table,
           const detail::Integers& lengths) {
  using Key = std::remove_const_t<K>;
  using Value = std::remove_const_t<V>;
  static_assert(CacheElement<Key> && CacheElement<Value> &&
                    std::is_same_v<detail::element_of_t<Key>, detail::element_of_t<Value>>,
                "rapt: k_pages and v_pages hold float, Eigen::half or Eigen::bfloat16, or both of them double");
  detail::check_extent("k_pages", "the page size", k_pages.length());
  const detail::Divisor size(static_cast<std::int32_t>(k_pages.length()));
  return CacheView<Key, detail::PagedRowsKv<Key, Value>>{{k_pages, v_pages, {block_table, lengths, size}}};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
