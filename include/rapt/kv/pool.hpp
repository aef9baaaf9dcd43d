// Pages of keys and values: a pool of them, and caches whose sequences take them as they grow, and share them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/large_memory.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/kv/cache.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/kv/shape.hpp"

RAPT_NAMESPACE_BEGIN

/// How large a pool of pages is.
struct PoolShape {
  Index pages = 0;
  Index page_size = 16;  ///< positions of a page: a multiple of 16
  Index kv_heads = 1;
  Index head_dim = 0;
  Index value_dim = 0;                                                    ///< head_dim if 0
  std::span<const float> key_scales{}, value_scales{}, channel_scales{};  ///< as CacheShape's
  bool hadamard = false;
};

namespace detail {
template <class K, class V> class Pages;
}

/// Pages for the keys and values of any number of sequences, which PagedCaches take from it and give back: as much
/// memory as there are tokens, not as much as there might be. A page is shared by as many sequences as begin alike
/// (Kwon et al. 2023, "PagedAttention", arXiv:2309.06180). It has to outlive its caches.
///
/// Pages are taken and given back by append() and its like, and at a cache's end; all caches of a pool together are one
/// object in the eyes of threads: while one of them changes, no other may.
template <CacheStorage K, CacheStorage V = K> class PagePool {
  using Key = detail::stored_t<K>;
  using Value = detail::stored_t<V>;
  static_assert(
      requires { sizeof(K) + sizeof(V); }, "rapt: include <Eigen/Core> before a pool of its 16-bit types is made");

 public:
  /// Throws std::invalid_argument for a shape that can't be, std::bad_alloc if there is no memory.
  // clang-format off
  explicit PagePool(const PoolShape& shape)  // rapt: a shape is {.pages, .page_size, .kv_heads, .head_dim, .value_dim}, in this order
                               // clang-format on
      : shape_(checked(shape)) {
    key_scales_ = detail::checked_scales<Key>("key_scales", shape_.key_scales, shape_.kv_heads);
    value_scales_ = detail::checked_scales<Value>("value_scales", shape_.value_scales, shape_.kv_heads);
    channel_scales_ = detail::checked_channels<Key>({.kv_heads = shape_.kv_heads,
                                                     .head_dim = shape_.head_dim,
                                                     .channel_scales = shape_.channel_scales,
                                                     .hadamard = shape_.hadamard});
    shape_.key_scales = shape_.value_scales = shape_.channel_scales = {};  // whose memory is the caller's
    value_row_ = detail::value_units<Value>(shape_.value_dim);
    references_.resize(static_cast<std::size_t>(shape_.pages));
    for (Index page = shape_.pages; page > 0; --page) free_.push_back(static_cast<std::int32_t>(page - 1));
    memory_ = detail::LargeMemory(bytes());
  }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  const PoolShape& shape() const { return shape_; }
  Index pages() const { return shape_.pages; }
  Index page_size() const { return shape_.page_size; }
  Index free_pages() const { return static_cast<Index>(free_.size()); }
  /// Pages that any sequence holds, and those of them that several do.
  Index used_pages() const { return pages() - free_pages(); }
  Index shared_pages() const {
    Index shared = 0;
    for (const std::int32_t r : references_) shared += r > 1;
    return shared;
  }
  /// Sequences that hold a page.
  Index references(Index page) const {
    if (page < 0 || page >= pages()) detail::fail("page", {"is ", page}, {"it has to be from 0 to ", pages() - 1});
    return references_[at(page)];
  }
  /// Of all pages, and of one.
  Index bytes() const { return pages() * page_bytes(); }
  Index page_bytes() const { return key_elements() * Index(sizeof(Key)) + value_elements() * Index(sizeof(Value)); }

 private:
  friend class detail::Pages<K, V>;

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  static PoolShape checked(PoolShape s) {
    if (s.value_dim == 0) s.value_dim = s.head_dim;
    detail::check_extent("pool", "pages", s.pages);
    detail::check_extent("pool", "page_size", s.page_size);
    detail::check_extent("pool", "kv_heads", s.kv_heads);
    detail::check_extent("pool", "head_dim", s.head_dim);
    detail::check_extent("pool", "value_dim", s.value_dim);
    if (s.page_size % detail::key_block != 0)
      detail::fail("pool", {"page_size is ", s.page_size},
                   {"it has to be a multiple of ", detail::key_block, ", as keys are kept in blocks of so many"});
    detail::check_elements("pool", double(s.pages) * double(s.page_size) * double(s.kv_heads) * 2 *
                                       (double(s.head_dim) + double(s.value_dim) + 64));
    return s;
  }

  /// Elements from one page to the next one. Pages stand a block further apart than they are long: the blocks that a
  /// head is soon to read would, a large power of two apart, crowd into few sets of the second-level cache, and be
  /// driven out of it before they are read.
  Index key_elements() const { return apart(detail::key_units<Key>(shape_.head_dim)); }
  Index value_elements() const { return apart(value_row_); }
  Index apart(Index row) const { return (shape_.kv_heads * shape_.page_size + detail::key_block) * row; }
  Key* keys() const { return reinterpret_cast<Key*>(memory_.data()); }
  Value* values() const {
    return reinterpret_cast<Value*>(memory_.data() + pages() * key_elements() * Index(sizeof(Key)));
  }

  std::int32_t take() {
    const std::int32_t page = free_.back();
    free_.pop_back();
    references_[at(page)] = 1;
    return page;
  }
  void share(std::int32_t page) { ++references_[at(page)]; }
  void drop(std::int32_t page) {
    if (--references_[at(page)] == 0) free_.push_back(page);  // there is room: it was there before
  }
  void copy(std::int32_t from, std::int32_t to) {
    std::memcpy(static_cast<void*>(keys() + to * key_elements()), keys() + from * key_elements(),
                at(key_elements()) * sizeof(Key));
    std::memcpy(static_cast<void*>(values() + to * value_elements()), values() + from * value_elements(),
                at(value_elements()) * sizeof(Value));
  }

  PoolShape shape_;
  Index value_row_ = 0;
  std::vector<float> key_scales_, value_scales_;  // [head]
  std::vector<float> channel_scales_;             // [head][dim]
  std::vector<std::int32_t> references_;          // [page]
  std::vector<std::int32_t> free_;                // the one given back last is taken first: it may still be in a cache
  detail::LargeMemory memory_;
};

namespace detail {

/// As Slots, in pages of a pool.
template <class K, class V = K> class Pages {
 public:
  using Kv = PagedBlocksKv<stored_t<K>, stored_t<V>>;

  Pages(PagePool<K, V>& pool, Index sequences, Index capacity) : pool_(&pool) {
    const PoolShape& p = pool.shape();
    shape_ = detail::checked(CacheShape{.sequences = sequences,
                                        .kv_heads = p.kv_heads,
                                        .capacity = capacity,
                                        .head_dim = p.head_dim,
                                        .value_dim = p.value_dim});
    width_ = count(capacity);
    table_.resize(at(sequences * width_));
    lengths_.resize(at(sequences));
  }
  Pages(Pages&& other) noexcept
      : pool_(other.pool_),
        shape_(other.shape_),
        width_(other.width_),
        table_(std::move(other.table_)),
        lengths_(std::exchange(other.lengths_, {})) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(shape_, other.shape_);
    std::swap(width_, other.width_);
    std::swap(table_, other.table_);
    std::swap(lengths_, other.lengths_);
    return *this;
  }
  ~Pages() {
    for (Index s = 0; s < static_cast<Index>(lengths_.size()); ++s) truncate(s, 0);
  }

  const CacheShape& shape() const { return shape_; }
  const PagePool<K, V>& pool() const { return *pool_; }
  bool ring() const { return false; }
  Index bytes() const {
    Index pages = 0;
    for (Index s = 0; s < shape_.sequences; ++s) pages += count(length(s));
    return pages * pool_->page_bytes();
  }
  Index length(Index s) const { return lengths_[at(s)]; }
  Index first(Index) const { return 0; }
  Index first_after(Index, Index) const { return 0; }
  Index room(Index s) const { return shape_.capacity - length(s); }

  /// Throws if there aren't as many free pages as it takes for every sequence s to grow by count_of(s).
  template <class Count> void check_memory(const Count& count_of) const {
    Index needed = 0;
    for (Index s = 0; s < shape_.sequences; ++s) {
      const Index more = count_of(s);
      if (more == 0) continue;
      needed += count(length(s) + more) - count(length(s));
      if (!ends_in_page(s)) continue;
      // Those before it in this call that end in the same page will have left it.
      Index others = pool_->references(last_page(s)) - 1;
      for (Index before = 0; before < s && others > 0; ++before)
        if (count_of(before) > 0 && ends_in_page(before) && last_page(before) == last_page(s)) --others;
      needed += others > 0;
    }
    if (needed > pool_->free_pages())
      fail("append", {"takes ", needed, " more pages"},
           {"the pool has ", pool_->free_pages(), " of its ", pool_->pages(), " left"});
  }

  /// A last page that others hold too is copied before it is written to.
  void grow(Index s, Index more) {
    if (more == 0) return;
    if (ends_in_page(s)) own(entry(s, count(length(s)) - 1));
    for (Index i = count(length(s)); i < count(length(s) + more); ++i) entry(s, i) = pool_->take();
    lengths_[at(s)] += more;
  }
  /// Pages of positions [first, last), of none perhaps, that others hold too are copied before they are written to.
  void make_own(Index s, Index first, Index last) {
    if (first >= last) return;
    const Index begin = first / pool_->page_size(), end = count(last);
    Index needed = 0;
    for (Index i = begin; i < end; ++i) needed += pool_->references(entry(s, i)) > 1;
    if (needed > pool_->free_pages())
      fail("pages", {"of sequence ", s, " are shared, and it takes copies of ", needed},
           {"the pool has ", pool_->free_pages(), " of its ", pool_->pages(), " left"});
    for (Index i = begin; i < end; ++i) own(entry(s, i));
  }
  void truncate(Index s, Index length) {
    for (Index i = count(length); i < count(this->length(s)); ++i) pool_->drop(entry(s, i));
    lengths_[at(s)] = length;
  }
  /// Shares the pages, also the last one if it isn't full: whoever appends to it first copies it.
  void copy_prefix(Index from, Index to, Index length) { share(*this, from, to, length); }
  void share(const Pages& other, Index from, Index to, Index length) {
    if (this == &other && from == to) return truncate(to, length);
    truncate(to, 0);
    for (Index i = 0; i < count(length); ++i) {
      const std::int32_t page = other.table_[at(from * other.width_ + i)];
      pool_->share(page);
      entry(to, i) = page;
    }
    lengths_[at(to)] = length;
  }

  Kv kv(Index sequence, Index number) const {
    const Divisor size(static_cast<std::int32_t>(pool_->page_size()));
    return {shape_.kv_heads,
            shape_.head_dim,
            shape_.value_dim,
            pool_->value_row_,
            pool_->key_elements(),
            pool_->value_elements(),
            keys(),
            values(),
            {row_major(table_.data() + sequence * width_, number, width_),
             std::span(lengths_.data() + sequence, at(number)), size},
            head_scales(pool_->key_scales_),
            head_scales(pool_->value_scales_),
            {pool_->shape_.hadamard, pool_->channel_scales_.empty() ? nullptr : pool_->channel_scales_.data()}};
  }
  stored_t<K>* keys() const { return pool_->keys(); }
  stored_t<V>* values() const { return pool_->values(); }
  MatrixView<const std::int32_t> table() const { return {table_.data(), shape_.sequences, width_, width_, 1}; }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  /// Pages that so many positions take.
  Index count(Index length) const { return ceil_div(length, pool_->page_size()); }
  /// Whether the next position belongs to a page that the sequence has.
  bool ends_in_page(Index s) const { return length(s) % pool_->page_size() != 0; }
  /// A page becomes a copy of its own, if others hold it too.
  void own(std::int32_t& page) {
    if (pool_->references(page) == 1) return;
    const std::int32_t copy = pool_->take();
    pool_->copy(page, copy);
    pool_->drop(page);
    page = copy;
  }
  std::int32_t& entry(Index s, Index i) { return table_[at(s * width_ + i)]; }
  std::int32_t last_page(Index s) const { return table_[at(s * width_ + count(length(s)) - 1)]; }

  PagePool<K, V>* pool_;
  CacheShape shape_;
  Index width_ = 0;                  // pages that a sequence can have
  std::vector<std::int32_t> table_;  // [sequence][width]
  std::vector<Index> lengths_;
};

}  // namespace detail

/// Sequences whose keys and values stand in pages of a pool: a KvCache that takes memory as it grows.
///
///     rapt::PagePool<Eigen::bfloat16> pool({.pages = 4096, .page_size = 16, .kv_heads = 8, .head_dim = 128});
///     rapt::PagedCache<Eigen::bfloat16> cache(pool, 8, 8192);      // 8 sequences of up to 8192 positions
///     cache.append(k, v);                                          // as to any cache
///     cache.fork(0, 1);                                            // shares all pages; who appends copies
///     rapt::attention(q, cache, out, rapt::causal());              // the bits of a KvCache
///
/// copy_prefix() and fork() share pages instead of copying, and append() copies a last page that others hold too before
/// it writes to it. append() throws std::invalid_argument, before anything changes, if the pool hasn't got the pages.
template <CacheStorage K, CacheStorage V = K> class PagedCache : public detail::Cache<K, detail::Pages<K, V>> {
  using Base = detail::Cache<K, detail::Pages<K, V>>;

 public:
  /// `capacity`: positions that a sequence may come to have, which take no memory before they do but 4 bytes a page.
  PagedCache(PagePool<K, V>& pool, Index sequences, Index capacity, std::optional<Isa> isa = {})
      : Base(detail::Pages<K, V>(pool, sequences, capacity), isa) {}

  const PagePool<K, V>& pool() const { return this->home_.pool(); }
  /// Which page holds which positions: [sequences, pages that a sequence may have]. What lies beyond a sequence's
  /// length means nothing.
  MatrixView<const std::int32_t> block_table() const { return this->home_.table(); }

  using Base::copy_prefix;
  /// Makes sequence `to` begin as sequence `from` of another cache of the same pool does.
  void copy_prefix(const PagedCache& other, Index from, Index to, Index length) {
    if (&other.pool() != &pool()) detail::fail("other", "has another pool", "pages are shared within one pool");
    this->check_prefix(other, from, to, length);
    this->home_.share(other.home_, from, to, length);
  }
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
