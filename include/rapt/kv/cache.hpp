// Caches of keys and values: what decoding attends to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/core/contract.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/large_memory.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged_problem.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/view.hpp"
#include "rapt/kv/append.hpp"
#include "rapt/kv/blocked.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN

/// What a cache holds: float, double, Eigen::half or Eigen::bfloat16. The 16-bit types are computed with in float.
template <class K>
concept CacheElement = std::is_same_v<K, float> || std::is_same_v<K, double> || std::is_same_v<K, Eigen::half> ||
    std::is_same_v<K, Eigen::bfloat16>;

/// How large a cache is.
struct CacheShape {
  Index sequences = 1;  ///< each with a length of its own
  Index kv_heads = 1;
  Index capacity = 0;  ///< positions of a sequence; in a ring, those that it remembers
  Index head_dim = 0;
  Index value_dim = 0;  ///< head_dim if 0
};

/// What append() may be told besides keys and values.
template <class T> struct AppendOptions {
  const rope::Table<T>* rope = nullptr;  ///< turns the keys by their positions as they are stored: row p for position p
  Matrix<const Index> rows{};            ///< the table's row for each new position instead, [sequences, n]
};

/// The keys and values of some consecutive sequences of a cache, for attention() to attend to. Owns nothing.
template <CacheElement K> struct CacheView { detail::BlockedKv<K> kv; };

namespace detail {

/// What KvCache and RingCache have in common.
template <CacheElement K> class Cache {
  static_assert(
      requires { sizeof(K); }, "rapt: include <Eigen/Core> before a cache of its 16-bit types is made");

 public:
  /// What goes in and what queries and outputs are: float for the 16-bit types.
  using Arithmetic = arithmetic_t<K>;

  Index sequences() const { return shape_.sequences; }
  Index kv_heads() const { return shape_.kv_heads; }
  Index capacity() const { return shape_.capacity; }
  Index head_dim() const { return shape_.head_dim; }
  Index value_dim() const { return shape_.value_dim; }
  /// Bytes of its memory.
  Index bytes() const { return shape_.sequences * (key_elements() + value_elements()) * Index(sizeof(K)); }

  /// Positions of a sequence so far: that of the next one.
  Index length(Index sequence) const { return extent(sequence).length; }
  /// The first position of a sequence that is still there.
  Index first(Index sequence) const { return extent(sequence).first; }

  /// How many positions append() takes at once: as many as are left, or, in a ring, as it remembers.
  Index room(Index sequence) const {
    const Index length = extent(sequence).length;
    return std::min(ring_ ? slots_ : shape_.capacity - length, max_length - 1 - length);
  }

  /// Takes in the keys [sequences, kv_heads, n, head_dim] and values [sequences, kv_heads, n, value_dim] of the next n
  /// positions of every sequence; {.rope = &table} turns the keys by their positions on the way. Throws
  /// std::invalid_argument, before anything changes, if a shape isn't right or there is no room for them.
  void append(const View<const Arithmetic>& k, const View<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_rows(k, v, sequences(), "the cache's sequences");
    check_rope(options, k);
    for (Index s = 0; s < sequences(); ++s) check_room(s, k.length(), options);
    for (Index s = 0; s < sequences(); ++s) take(s, k, v, s, options);
  }
  /// The same for one sequence: batch is 1.
  void append(Index sequence, const View<const Arithmetic>& k, const View<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_sequence("sequence", sequence);
    check_rows(k, v, 1, "one sequence");
    check_rope(options, k);
    check_room(sequence, k.length(), options);
    take(sequence, k, v, 0, options);
  }

  /// The same for a number of positions of its own for each sequence, some of them perhaps none:
  /// append(packed(k, offsets), packed(v, offsets)), or padded. AppendOptions::rows has the place of each in k's view.
  void append(const Ragged<const Arithmetic>& k, const Ragged<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_heads_and_dims(k.view, v.view);
    check_sequences(k, "k");
    check_sequences(v, "v");
    check_same("k", "the number of sequences", k.count(), sequences(), "the cache");
    check_same_sequences(v, "v", k, "k");
    if (options.rows.data != nullptr) {
      check_same("rows", "batch", options.rows.rows, k.view.batch(), "k");
      check_same("rows", "length", options.rows.columns, k.view.length(), "k");
    }
    for (Index s = 0; s < sequences(); ++s) {
      check_rope(of_sequence(options, k, s), k.sequence(s));
      check_room(s, k.length(s), options);
    }
    for (Index s = 0; s < sequences(); ++s) take(s, k.sequence(s), v.sequence(s), 0, of_sequence(options, k, s));
  }

  /// Forgets the positions from `length` on: what was proposed and not accepted, in speculative decoding; all, with 0.
  void truncate(Index sequence, Index length) {
    const Extent& now = extent(sequence);
    if (length < 0 || length > now.length || (length < now.first && length > 0))
      fail("truncate", "length is " + std::to_string(length),
           "it has to be 0, or from " + std::to_string(now.first) + " to " + std::to_string(now.length));
    set_length(sequence, length);
    if (length == 0) extents_[at(sequence)].first = 0;
  }

  /// Makes sequence `to` begin as sequence `from` does, with its first `length` positions and no more.
  void copy_prefix(Index from, Index to, Index length) {
    const Extent source = extent(from);
    check_sequence("to", to);
    if (length < source.first || length > source.length)
      fail("copy_prefix", "length is " + std::to_string(length),
           "it has to be from " + std::to_string(source.first) + " to " + std::to_string(source.length));
    if (from != to) copy_slots(from, to, std::min(round_up(length, key_block), slots_));
    const Index changes = extents_[at(to)].changes;
    extents_[at(to)] = source;
    extents_[at(to)].changes = changes;
    set_length(to, length);
  }
  /// Makes sequence `to` what sequence `from` is: from here on, they go their own ways.
  void fork(Index from, Index to) { copy_prefix(from, to, length(from)); }

  /// Copies keys, or values, from position `position` on back into rows: [1, kv_heads, n, head_dim or value_dim].
  void read_keys(Index sequence, Index position, const View<Arithmetic>& to) const {
    check_read(sequence, position, to, head_dim(), "head_dim");
    const BlockedKv<K> kv = blocked(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i)
        for (Index d = 0; d < head_dim(); ++d)
          to(0, h, i, d) = widened(kv.head(sequence, h).key(position + i)[d * key_block]);
  }
  void read_values(Index sequence, Index position, const View<Arithmetic>& to) const {
    check_read(sequence, position, to, value_dim(), "value_dim");
    const BlockedKv<K> kv = blocked(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i)
        for (Index d = 0; d < value_dim(); ++d) to(0, h, i, d) = widened(kv.head(sequence, h).value(position + i)[d]);
  }

  /// All sequences, or `count` of them from `first_sequence` on, for attention() to attend to: batch entry b is
  /// sequence first_sequence + b. Valid as long as the cache is.
  CacheView<K> view() const { return {blocked(0, sequences())}; }
  CacheView<K> view(Index first_sequence, Index count = 1) const {
    check_sequence("first_sequence", first_sequence);
    require(count >= 1 && count <= sequences() - first_sequence, "view", "count", count,
            "it has to be 1 or more, and stay within the sequences");
    return {blocked(first_sequence, count)};
  }

 protected:
  Cache(const CacheShape& shape, bool ring, std::optional<Isa> isa) : shape_(checked(shape)), ring_(ring) {
    store_row_ = detail::store_row<Arithmetic, K>(isa ? isa_named(name(*isa), "isa") : active_isa());
    slots_ = round_up(shape_.capacity, contract::tile);
    value_row_ = round_up(shape_.value_dim, Index(LargeMemory::line / sizeof(K)));
    extents_.resize(at(shape_.sequences));
    row_.resize(at(shape_.head_dim));
    turned_.resize(at(shape_.head_dim));
    memory_ = LargeMemory(bytes());
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  static CacheShape checked(CacheShape s) {
    const char* const positive = "it has to be from 1 to 2^30 - 1";
    if (s.value_dim == 0) s.value_dim = s.head_dim;
    const auto check = [&](const char* what, Index is) {
      require(is >= 1 && is < max_length, "cache", what, is, positive);
    };
    check("sequences", s.sequences);
    check("kv_heads", s.kv_heads);
    check("capacity", s.capacity);
    check("head_dim", s.head_dim);
    check("value_dim", s.value_dim);
    const double elements = double(s.sequences) * double(s.kv_heads) * (double(s.capacity) + 64) *
                            (double(s.head_dim) + double(s.value_dim) + 64);
    if (elements > double(max_reach))
      fail("cache", "has more than 2^56 elements", "the product of its extents has to stay below");
    return s;
  }

  Index key_elements() const { return shape_.kv_heads * slots_ * shape_.head_dim; }  // of a sequence
  Index value_elements() const { return shape_.kv_heads * slots_ * value_row_; }
  K* keys() const { return reinterpret_cast<K*>(memory_.data()); }
  K* values() const { return keys() + shape_.sequences * key_elements(); }

  BlockedKv<K> blocked(Index sequence, Index count) const {
    return {count,
            shape_.kv_heads,
            slots_,
            shape_.head_dim,
            shape_.value_dim,
            value_row_,
            keys() + sequence * key_elements(),
            values() + sequence * value_elements(),
            extents_.data() + sequence};
  }

  void check_sequence(const char* argument, Index sequence) const {
    if (sequence < 0 || sequence >= sequences())
      fail(argument, "is " + std::to_string(sequence), "it has to be from 0 to " + std::to_string(sequences() - 1));
  }
  const Extent& extent(Index sequence) const {
    check_sequence("sequence", sequence);
    return extents_[at(sequence)];
  }

  void check_rows(const View<const Arithmetic>& k, const View<const Arithmetic>& v, Index batch,
                  const char* batch_like) const {
    check_heads_and_dims(k, v);
    check_same("k", "batch", k.batch(), batch, batch_like);
    check_same("v", "batch", v.batch(), batch, batch_like);
    check_same("v", "length", v.length(), k.length(), "k");
  }
  void check_heads_and_dims(const View<const Arithmetic>& k, const View<const Arithmetic>& v) const {
    check_view(k, "k", "head_dim");
    check_view(v, "v", "value_dim");
    check_same("k", "the number of heads", k.heads(), kv_heads(), "the cache");
    check_same("v", "the number of heads", v.heads(), kv_heads(), "the cache");
    check_same("k", "head_dim", k.dim(), head_dim(), "the cache");
    check_same("v", "value_dim", v.dim(), value_dim(), "the cache");
  }
  void check_rope(const AppendOptions<Arithmetic>& options, const View<const Arithmetic>& k) const {
    if (options.rope == nullptr) {
      if (options.rows.data != nullptr) fail("rows", "is set", "it has to be unset without a table: rope");
      return;
    }
    const rope::Table<Arithmetic>& table = *options.rope;
    table.check_fits(head_dim(), "rope", "the cache's ");
    if (options.rows.data == nullptr) return;
    check_same("rows", "batch", options.rows.rows, k.batch(), "k");
    check_same("rows", "length", options.rows.columns, k.length(), "k");
    for (Index b = 0; b < k.batch(); ++b)
      for (Index i = 0; i < k.length(); ++i)
        if (options.rows(b, i) < 0 || options.rows(b, i) >= table.rows())
          fail("rows",
               "rows(" + std::to_string(b) + ", " + std::to_string(i) + ") is " + std::to_string(options.rows(b, i)),
               "it has to be from 0 to " + std::to_string(table.rows() - 1) + ", a row of the table");
  }
  /// The options for sequence s of k alone.
  static AppendOptions<Arithmetic> of_sequence(AppendOptions<Arithmetic> options, const Ragged<const Arithmetic>& k,
                                               Index s) {
    Matrix<const Index>& rows = options.rows;
    if (rows.data == nullptr) return options;
    rows.data = &rows(k.placement.is_packed() ? 0 : s, k.placement.begin(s));
    rows.rows = 1;
    rows.columns = k.length(s);
    return options;
  }
  void check_room(Index sequence, Index count, const AppendOptions<Arithmetic>& options) const {
    const Index length = extents_[at(sequence)].length, room = ring_ ? slots_ : shape_.capacity - length;
    if (count > room)
      fail("append", std::to_string(count) + " positions after " + std::to_string(length),
           "sequence " + std::to_string(sequence) + " has room for " + std::to_string(room) +
               (ring_ ? " at once" : " of its " + std::to_string(shape_.capacity)));
    if (count >= max_length - length)
      fail("append", std::to_string(count) + " positions after " + std::to_string(length),
           "positions have to be less than 2^30");
    if (options.rope != nullptr && options.rows.data == nullptr && length + count > options.rope->rows())
      fail("rope", "has " + std::to_string(options.rope->rows()) + " rows",
           "it has to have " + std::to_string(length + count) + ", one for each position of sequence " +
               std::to_string(sequence));
  }
  void check_read(Index sequence, Index position, const View<Arithmetic>& to, Index dim, const char* dim_name) const {
    const Extent& e = extent(sequence);
    check_view(to, "to", dim_name);
    check_same("to", "batch", to.batch(), 1, "a sequence");
    check_same("to", "the number of heads", to.heads(), kv_heads(), "the cache");
    check_same("to", dim_name, to.dim(), dim, "the cache");
    if (position < e.first || position > e.length - to.length())
      fail("position", "is " + std::to_string(position) + ", for " + std::to_string(to.length()) + " positions",
           "the sequence has those from " + std::to_string(e.first) + " to " + std::to_string(e.length - 1));
  }

  void set_length(Index sequence, Index length) {
    Extent& e = extents_[at(sequence)];
    ++e.changes;
    e.length = length;
    e.base = length == 0 ? 0 : (length - 1) / slots_ * slots_;
    e.first = std::max(e.first, length - slots_);
  }

  /// Rows of batch entry b become the next positions of a sequence.
  void take(Index sequence, const View<const Arithmetic>& k, const View<const Arithmetic>& v, Index b,
            const AppendOptions<Arithmetic>& options) {
    const Index begin = extents_[at(sequence)].length;
    set_length(sequence, begin + k.length());
    const BlockedKv<K> kv = blocked(0, sequences());
    for (Index i = 0; i < k.length(); ++i) {
      Turn<Arithmetic> turn{};
      if (options.rope != nullptr)
        turn = options.rope->turn(options.rows.data == nullptr ? begin + i : options.rows(b, i), head_dim());
      for (Index h = 0; h < kv_heads(); ++h) {
        store_row_({k.row(b, h, i), k.stride[3], head_dim(), turn}, turned_.data(), row_.data());
        K* const key = keys() + (kv.head(sequence, h).key(begin + i) - keys());
        for (Index d = 0; d < head_dim(); ++d) key[d * key_block] = row_[at(d)];
        K* const value = values() + (kv.head(sequence, h).value(begin + i) - values());
        store_row_({v.row(b, h, i), v.stride[3], value_dim(), {}}, nullptr, value);
      }
    }
  }

  void copy_slots(Index from, Index to, Index slots) {
    for (Index h = 0; h < kv_heads(); ++h) {
      const Index source = (from * kv_heads() + h) * slots_, target = (to * kv_heads() + h) * slots_;
      std::memcpy(static_cast<void*>(keys() + target * head_dim()), keys() + source * head_dim(),
                  at(slots * head_dim()) * sizeof(K));
      std::memcpy(static_cast<void*>(values() + target * value_row_), values() + source * value_row_,
                  at(slots * value_row_) * sizeof(K));
    }
  }

  CacheShape shape_;
  bool ring_;
  Index slots_ = 0, value_row_ = 0;
  std::vector<Extent> extents_;
  std::vector<K> row_;  // a key on its way into its block
  std::vector<Arithmetic> turned_;
  StoreRow<Arithmetic, K> store_row_;
  LargeMemory memory_;
};

}  // namespace detail

/// Keys and values of sequences that grow up to a capacity, in float, double, Eigen::half or Eigen::bfloat16.
///
///     rapt::KvCache<Eigen::bfloat16> cache({.kv_heads = 8, .capacity = 8192, .head_dim = 128});
///     cache.append(k, v);                                    // the new positions
///     rapt::attention(q, cache, out, rapt::causal());        // the last query stands at the last position
///
/// Keys stand in blocks of 16, transposed, so that a decoding step loads them as they are. What append() took in, other
/// threads may attend to at once; append() and its like need the cache for themselves.
template <CacheElement K> class KvCache : public detail::Cache<K> {
 public:
  /// Throws std::invalid_argument for a shape that can't be, std::bad_alloc if there is no memory. `isa`: the
  /// instruction set that converts; active_isa() if unset.
  explicit KvCache(const CacheShape& shape, std::optional<Isa> isa = {}) : detail::Cache<K>(shape, false, isa) {}
};

/// As KvCache, of sequences that go on for ever (up to position 2^30): once `capacity`, rounded up to 64, is reached,
/// the oldest positions are forgotten. For sliding windows: a mask that reaches back further is an error. To attend to
/// window(left, 0) with chunks of n queries, it takes a capacity of left + n.
template <CacheElement K> class RingCache : public detail::Cache<K> {
 public:
  explicit RingCache(const CacheShape& shape, std::optional<Isa> isa = {}) : detail::Cache<K>(shape, true, isa) {}
};

RAPT_NAMESPACE_END
