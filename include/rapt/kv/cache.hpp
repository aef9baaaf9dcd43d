// Caches of keys and values: what decoding attends to.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/hadamard.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged_problem.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/view.hpp"
#include "rapt/kv/append.hpp"
#include "rapt/kv/blocked.hpp"
#include "rapt/kv/cache_view.hpp"
#include "rapt/kv/shape.hpp"
#include "rapt/kv/slots.hpp"
#include "rapt/kv/stored_rows.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN

/// What append() may be told besides keys and values.
template <class T> struct AppendOptions {
  const rope::Table<T>* rope = nullptr;  ///< turns the keys by their positions as they are stored: row p for position p
  detail::IntegerMatrix rows{};          ///< the table's row for each new position instead, [sequences, n]
};

namespace detail {

/// What all caches have in common. `Home` is where the positions stand.
template <CacheStorage K, class Home = Slots<stored_t<K>>> class Cache {
  using Key = typename Home::Kv::StoredKey;
  using V = typename Home::Kv::StoredValue;
  static_assert(
      requires { sizeof(K) + sizeof(V); }, "rapt: include <Eigen/Core> before a cache of its 16-bit types is made");
  static_assert(std::is_same_v<arithmetic_t<K>, arithmetic_t<row_as_t<V>>>,
                "rapt: keys and values are computed in one type: both in double, or neither");
  static_assert(!std::is_same_v<V, Packed<int8_channels>>, "rapt: int8_channels is for keys; values have int8");

 public:
  /// What goes in and what queries and outputs are: float for the 16-bit types.
  using Arithmetic = arithmetic_t<K>;

  Index sequences() const { return shape().sequences; }
  Index kv_heads() const { return shape().kv_heads; }
  Index capacity() const { return shape().capacity; }
  Index head_dim() const { return shape().head_dim; }
  Index value_dim() const { return shape().value_dim; }
  /// Bytes of its memory.
  Index bytes() const { return home_.bytes(); }

  /// Positions of a sequence so far: that of the next one.
  Index length(Index sequence) const {
    check_sequence("sequence", sequence);
    return home_.length(sequence);
  }
  /// The first position of a sequence that is still there.
  Index first(Index sequence) const {
    check_sequence("sequence", sequence);
    return home_.first(sequence);
  }

  /// What first() will be once so many more positions are there.
  Index first_after(Index sequence, Index more) const {
    check_sequence("sequence", sequence);
    return home_.first_after(sequence, more);
  }

  /// How many positions append() takes at once: as many as are left, or, in a ring, as it remembers.
  Index room(Index sequence) const { return std::min(home_.room(sequence), max_length - 1 - length(sequence)); }

  /// Takes in the keys [sequences, kv_heads, n, head_dim] and values [sequences, kv_heads, n, value_dim] of the next n
  /// positions of every sequence; {.rope = &table} turns the keys by their positions on the way. Throws
  /// std::invalid_argument, before anything changes, if a shape isn't right or there is no room for them.
  void append(const View<const Arithmetic>& k, const View<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_rows(k, v, sequences(), "the cache's sequences");
    check_rope(options, k);
    for (Index s = 0; s < sequences(); ++s) check_room(s, k.length(), options);
    home_.check_memory([&](Index) { return k.length(); });
    for (Index s = 0; s < sequences(); ++s) take(s, k, v, s, options);
  }
  /// The same for one sequence: batch is 1.
  void append(Index sequence, const View<const Arithmetic>& k, const View<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_sequence("sequence", sequence);
    check_rows(k, v, 1, "one sequence");
    check_rope(options, k);
    check_room(sequence, k.length(), options);
    home_.check_memory([&](Index s) { return s == sequence ? k.length() : 0; });
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
    check_ragged_rope(options, k);
    for (Index s = 0; s < sequences(); ++s) check_room(s, k.length(s), options);
    home_.check_memory([&](Index s) { return k.length(s); });
    for (Index s = 0; s < sequences(); ++s) take(s, k.sequence(s), v.sequence(s), 0, of_sequence(options, k, s));
  }

  /// The same for chosen sequences, each of them once: batch entry b, or sequence b of what is packed or padded, goes
  /// to sequence sequences[b].
  template <Numbers R>
  void append(const R& sequences, const View<const Arithmetic>& k, const View<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_rows(k, v, static_cast<Index>(std::size(sequences)), "the sequences to append to");
    check_rope(options, k);
    append_to(Integers(sequences), k, v, options, [&](Index) { return k.length(); });
  }
  template <Numbers R>
  void append(const R& sequences, const Ragged<const Arithmetic>& k, const Ragged<const Arithmetic>& v,
              const AppendOptions<Arithmetic>& options = {}) {
    check_heads_and_dims(k.view, v.view);
    check_sequences(k, "k");
    check_sequences(v, "v");
    check_same("k", "the number of sequences", k.count(), static_cast<Index>(std::size(sequences)),
               "the sequences to append to");
    check_same_sequences(v, "v", k, "k");
    check_ragged_rope(options, k);
    append_to(Integers(sequences), k, v, options, [&](Index b) { return k.length(b); });
  }

  /// The same of keys and values that are ggml's blocks already, as another program's cache has them: [sequences,
  /// kv_heads, n, head_dim / 32] and [sequences, kv_heads, n, value_dim / 32] of blocks. They are kept as they are,
  /// turned and rotated already if they are to be.
  template <class KeyBlock, class ValueBlock>
    requires(BlockFormat<std::remove_const_t<KeyBlock>>&& BlockFormat<std::remove_const_t<ValueBlock>>)
  void append(const View<KeyBlock>& k, const View<ValueBlock>& v) {
    check_blocks<K>(k, "k", head_dim(), "head_dim", sequences());
    check_blocks<typename V::Kept>(v, "v", value_dim(), "value_dim", sequences());
    check_same("v", "length", v.length(), k.length(), "k");
    for (Index s = 0; s < sequences(); ++s) check_room(s, k.length(), {});
    home_.check_memory([&](Index) { return k.length(); });
    for (Index s = 0; s < sequences(); ++s) take_blocks(s, k, v);
  }
  /// Copies keys, or values, from position `position` on back as blocks: [1, kv_heads, n, head_dim or value_dim / 32].
  template <BlockFormat B> void read_key_blocks(Index sequence, Index position, const View<B>& to) const {
    check_blocks<K>(to, "to", head_dim(), "head_dim", 1);
    check_span(sequence, position, to.length());
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i) {
        const auto block = block_of_keys(kv.head(sequence, h).key(position + i), head_dim());
        for (Index b = 0; b < to.dim(); ++b) to(0, h, i, b) = get_block(block, inside(position + i), b);
      }
  }
  template <BlockFormat B> void read_value_blocks(Index sequence, Index position, const View<B>& to) const {
    check_blocks<typename V::Kept>(to, "to", value_dim(), "value_dim", 1);
    check_span(sequence, position, to.length());
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i) {
        const auto block = block_of_values(kv.head(sequence, h).value(position + i), value_dim());
        for (Index b = 0; b < to.dim(); ++b) to(0, h, i, b) = get_block(block, inside(position + i), b);
      }
  }

  /// Forgets the positions from `length` on: what was proposed and not accepted, in speculative decoding; all, with 0.
  void truncate(Index sequence, Index length) {
    const Index first = this->first(sequence), now = home_.length(sequence);
    if (length < 0 || length > now || (length < first && length > 0))
      fail("truncate", {"length is ", length}, {"it has to be 0, or from ", first, " to ", now});
    home_.truncate(sequence, length);
  }

  /// Takes positions [begin, end) out of a sequence, in place: what follows moves up, as when a full context forgets
  /// its middle. With {.rope = &table}, the table that turned the keys as they came in, the keys that move are turned
  /// back by end − begin positions, one after the other: they become, up to rounding, those of their new positions.
  /// (Keys of 16 bits are widened, turned, and rounded again; codes are quantised again.) Row p of the table has to be
  /// position p, without an attention factor or a scale, which would be multiplied with once more. Without a table,
  /// keys move as they are.
  ///
  /// Throws std::invalid_argument, before anything changes, for positions that the sequence has not, for such a table,
  /// for a ring, and if a page that others hold can't be copied for want of a free one.
  void remove(Index sequence, Index begin, Index end, const AppendOptions<Arithmetic>& options = {}) {
    const Index length = this->length(sequence);
    if (begin < 0 || end < begin || end > length)
      fail("remove", {"the positions are from ", begin, " to ", end},
           {"they have to be in ascending order, and within the ", length, " of sequence ", sequence});
    check_in_place(sequence, "remove");
    const Turn<Arithmetic> turn = turn_back(options, end - begin);
    if (begin == end) return;
    const Index left = length - (end - begin);
    home_.make_own(sequence, begin, left);
    for (Index to = begin; to < left; ++to) move(sequence, to + (end - begin), to, turn);
    home_.truncate(sequence, left);
  }

  /// Of the positions from `first` on, keeps those that are listed, in ascending order, and drops the rest, in place:
  /// of a tree of proposed tokens that were appended together, the path that was accepted. They move up to first, first
  /// + 1, …, and their keys stay as they are: a tree's nodes have been turned by their depth, not by their place.
  ///
  /// Throws std::invalid_argument, before anything changes, as remove() does.
  template <Numbers R> void keep(Index sequence, Index first, const R& positions) {
    const Index length = this->length(sequence);
    const Integers kept(positions);
    if (first < 0 || first > length)
      fail("keep", {"first is ", first}, {"it has to be from 0 to ", length, ", the length of sequence ", sequence});
    for (Index i = 0; i < kept.size(); ++i)
      if (kept[i] < (i == 0 ? first : kept[i - 1] + 1) || kept[i] >= length)
        fail("keep", {"position ", i, " of those to keep is ", kept[i]},
             {"they have to ascend, from ", first, " to ", length - 1});
    check_in_place(sequence, "keep");
    Index i = 0;
    while (i < kept.size() && kept[i] == first + i) ++i;  // these stay where they are, in a page that is perhaps shared
    home_.make_own(sequence, first + i, first + kept.size());
    for (; i < kept.size(); ++i) move(sequence, kept[i], first + i, {});
    home_.truncate(sequence, first + kept.size());
  }

  /// Makes sequence `to` begin as sequence `from` does, with its first `length` positions and no more.
  void copy_prefix(Index from, Index to, Index length) {
    check_prefix(*this, from, to, length);
    home_.copy_prefix(from, to, length);
  }
  /// Makes sequence `to` what sequence `from` is: from here on, they go their own ways.
  void fork(Index from, Index to) { copy_prefix(from, to, length(from)); }

  /// Copies keys, or values, from position `position` on back into rows: [1, kv_heads, n, head_dim or value_dim].
  void read_keys(Index sequence, Index position, const View<Arithmetic>& to) const {
    check_read(sequence, position, to, head_dim(), "head_dim");
    std::vector<Arithmetic> row(at(head_dim()));
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i) {
        read_key(kv, kv.head(sequence, h).key(position + i), inside(position + i), h, row.data());
        for (Index d = 0; d < head_dim(); ++d) to(0, h, i, d) = row[at(d)];
      }
  }
  void read_values(Index sequence, Index position, const View<Arithmetic>& to) const {
    check_read(sequence, position, to, value_dim(), "value_dim");
    std::vector<Arithmetic> row(at(value_dim()));
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < to.length(); ++i) {
        read_value(kv, kv.head(sequence, h).value(position + i), inside(position + i), h, row.data());
        for (Index d = 0; d < value_dim(); ++d) to(0, h, i, d) = row[at(d)];
      }
  }

  /// All sequences, or `count` of them from `first_sequence` on, for attention() to attend to: batch entry b is
  /// sequence first_sequence + b. Valid as long as the cache is.
  CacheView<K, typename Home::Kv> view() const { return {home_.kv(0, sequences())}; }
  CacheView<K, typename Home::Kv> view(Index first_sequence, Index count = 1) const {
    check_sequence("first_sequence", first_sequence);
    require(count >= 1 && count <= sequences() - first_sequence, "view", "count", count,
            "it has to be 1 or more, and stay within the sequences");
    return {home_.kv(first_sequence, count)};
  }
  /// Chosen ones, in any order, one perhaps more than once: batch entry b is sequence sequences[b]. The numbers have to
  /// stay as long as the view is used.
  template <Numbers R> CacheView<K, typename Home::Kv> view(const R& sequences) const {
    const Integers chosen(sequences);
    require(chosen.size() >= 1 && chosen.size() < max_length, "view", "the number of sequences", chosen.size(),
            "it has to be from 1 to 2^30 - 1");
    for (Index b = 0; b < chosen.size(); ++b) check_chosen("view", chosen, b);
    typename Home::Kv kv = home_.kv(0, this->sequences());
    kv.choose(chosen);
    return {kv};
  }
  template <OwnNumbers R> CacheView<K, typename Home::Kv> view(const R&& sequences) const = delete;

 protected:
  Cache(Home&& home, std::optional<Isa> isa) : home_(std::move(home)) {
    const Isa chosen = isa ? isa_named(name(*isa), "isa") : active_isa();
    store_key_ = detail::store_row<Arithmetic, row_as_t<Key>>(chosen);
    store_value_ = detail::store_row<Arithmetic, row_as_t<V>>(chosen);
    row_.resize(at(head_dim()));
    if constexpr (!CacheElement<V>) value_row_.resize(at(value_dim()));
    turned_.resize(at(head_dim()));
    wide_.resize(at(head_dim()));
  }

  void check_prefix(const Cache& other, Index from, Index to, Index length) const {
    other.check_sequence("from", from);
    check_sequence("to", to);
    const Index first = other.home_.first(from),
                most = std::min(other.home_.length(from), this == &other || home_.ring() ? max_length : capacity());
    if (length < first || length > most)
      fail("copy_prefix", {"length is ", length}, {"it has to be from ", first, " to ", most});
  }

  Home home_;

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  const CacheShape& shape() const { return home_.shape(); }

  void check_sequence(const char* argument, Index sequence) const {
    if (sequence < 0 || sequence >= sequences())
      fail(argument, "is " + std::to_string(sequence), "it has to be from 0 to " + std::to_string(sequences() - 1));
  }
  void check_chosen(const char* argument, const Integers& chosen, Index b) const {
    if (chosen[b] < 0 || chosen[b] >= sequences())
      fail(argument, {"sequence ", b, " of those chosen is ", chosen[b]}, {"it has to be from 0 to ", sequences() - 1});
  }
  void check_rows(const View<const Arithmetic>& k, const View<const Arithmetic>& v, Index batch,
                  const char* batch_like) const {
    check_heads_and_dims(k, v);
    check_same("k", "batch", k.batch(), batch, batch_like);
    check_same("v", "batch", v.batch(), batch, batch_like);
    check_same("v", "length", v.length(), k.length(), "k");
    check_finite(k);
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
      if (options.rows.given()) fail("rows", "is set", "it has to be unset without a table: rope");
      return;
    }
    const rope::Table<Arithmetic>& table = *options.rope;
    table.check_fits(head_dim(), "rope", "the cache's ");
    if (!options.rows.given()) return;
    check_same("rows", "batch", options.rows.rows(), k.batch(), "k");
    check_same("rows", "length", options.rows.columns(), k.length(), "k");
    for (Index b = 0; b < k.batch(); ++b)
      for (Index i = 0; i < k.length(); ++i)
        if (options.rows(b, i) < 0 || options.rows(b, i) >= table.rows())
          fail("rows",
               "rows(" + std::to_string(b) + ", " + std::to_string(i) + ") is " + std::to_string(options.rows(b, i)),
               "it has to be from 0 to " + std::to_string(table.rows() - 1) + ", a row of the table");
  }
  void check_ragged_rope(const AppendOptions<Arithmetic>& options, const Ragged<const Arithmetic>& k) const {
    if (options.rows.given()) {
      check_same("rows", "batch", options.rows.rows(), k.view.batch(), "k");
      check_same("rows", "length", options.rows.columns(), k.view.length(), "k");
    }
    for (Index b = 0; b < k.count(); ++b) {
      check_rope(of_sequence(options, k, b), k.sequence(b));
      check_finite(k.sequence(b));
    }
  }
  /// Entry b of k and v goes to sequence to[b]; X is a view, or ragged.
  template <class X, class Length>
  void append_to(const Integers& to, const X& k, const X& v, const AppendOptions<Arithmetic>& options,
                 const Length& length) {
    for (Index b = 0; b < to.size(); ++b) {
      check_chosen("append", to, b);
      for (Index before = 0; before < b; ++before)
        if (to[before] == to[b])
          fail("sequences", {"number ", b, " is ", to[b], ", as number ", before}, "each may be there once");
      check_room(to[b], length(b), options);
    }
    home_.check_memory([&](Index s) {
      for (Index b = 0; b < to.size(); ++b)
        if (to[b] == s) return length(b);
      return Index(0);
    });
    for (Index b = 0; b < to.size(); ++b) {
      if constexpr (is_ragged<X>)
        take(to[b], k.sequence(b), v.sequence(b), 0, of_sequence(options, k, b));
      else
        take(to[b], k, v, b, options);
    }
  }
  /// The options for sequence s of k alone.
  static AppendOptions<Arithmetic> of_sequence(AppendOptions<Arithmetic> options, const Ragged<const Arithmetic>& k,
                                               Index s) {
    if (options.rows.given())
      options.rows = options.rows.rows_of(k.placement.is_packed() ? 0 : s, k.placement.begin(s), k.length(s));
    return options;
  }
  void check_room(Index sequence, Index count, const AppendOptions<Arithmetic>& options) const {
    const Index length = home_.length(sequence), room = home_.room(sequence);
    if (count > room)
      fail("append", std::to_string(count) + " positions after " + std::to_string(length),
           "sequence " + std::to_string(sequence) + " has room for " + std::to_string(room) +
               (home_.ring() ? " at once" : " of its " + std::to_string(capacity())));
    if (count >= max_length - length)
      fail("append", std::to_string(count) + " positions after " + std::to_string(length),
           "positions have to be less than 2^30");
    if (options.rope != nullptr && !options.rows.given() && length + count > options.rope->rows())
      fail("rope", "has " + std::to_string(options.rope->rows()) + " rows",
           "it has to have " + std::to_string(length + count) + ", one for each position of sequence " +
               std::to_string(sequence));
  }
  /// Blocks of the format that the cache keeps, of all its heads and dims.
  template <class Kept, class B>
  void check_blocks(const View<B>& blocks, const char* name, Index dim, const char* dim_name, Index batch) const {
    static_assert(std::is_same_v<std::remove_const_t<B>, Kept>,
                  "rapt: blocks are of the format that the cache keeps its keys, or values, in");
    if (dim % block_size != 0)
      fail(name, {"has blocks of 32 numbers, and the cache's ", dim_name, " is ", dim},
           "it has to be a multiple of 32");
    check_same(name, "batch", blocks.batch(), batch, batch == 1 ? "a sequence" : "the cache's sequences");
    check_same(name, "the number of heads", blocks.heads(), kv_heads(), "the cache");
    check_same(name, "the number of blocks", blocks.dim(), dim / block_size, "the cache: 32 dims each");
    require(blocks.length() >= 0 && blocks.length() < max_length, name, "length", blocks.length(),
            "it has to be from 0 to 2^30 - 1");
    if (blocks.length() > 0) check_pointer(blocks.data, name);
  }
  template <class KeyBlock, class ValueBlock>
  void take_blocks(Index sequence, const View<KeyBlock>& k, const View<ValueBlock>& v) {
    const Index begin = home_.length(sequence);
    home_.grow(sequence, k.length());
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h)
      for (Index i = 0; i < k.length(); ++i) {
        const typename Home::Kv::Head head = kv.head(sequence, h);
        Key* const key = home_.keys() + (head.key(begin + i) - home_.keys());
        V* const value = home_.values() + (head.value(begin + i) - home_.values());
        for (Index b = 0; b < k.dim(); ++b)
          put_block(block_of_keys(key, head_dim()), inside(begin + i), b, k(sequence, h, i, b));
        for (Index b = 0; b < v.dim(); ++b)
          put_block(block_of_values(value, value_dim()), inside(begin + i), b, v(sequence, h, i, b));
      }
  }
  void check_read(Index sequence, Index position, const View<Arithmetic>& to, Index dim, const char* dim_name) const {
    check_span(sequence, position, to.length());
    check_view(to, "to", dim_name);
    check_same("to", "batch", to.batch(), 1, "a sequence");
    check_same("to", "the number of heads", to.heads(), kv_heads(), "the cache");
    check_same("to", dim_name, to.dim(), dim, "the cache");
  }
  void check_span(Index sequence, Index position, Index count) const {
    const Index first = this->first(sequence), length = home_.length(sequence);
    if (position < first || position > length - count)
      fail("position", "is " + std::to_string(position) + ", for " + std::to_string(count) + " positions",
           "the sequence has those from " + std::to_string(first) + " to " + std::to_string(length - 1));
  }

  void check_in_place(Index sequence, const char* what) const {
    if (home_.ring())
      fail(what, {"sequence ", sequence, " is one of a ring"}, "it has to be one of a cache that forgets nothing");
  }
  /// What turns a key back by so many positions; nothing without a table.
  Turn<Arithmetic> turn_back(const AppendOptions<Arithmetic>& options, Index count) const {
    if (options.rows.given())
      fail("rows", "is set", "it has to be unset: keys are turned back by the places they move");
    if (options.rope == nullptr) return {};
    const rope::Table<Arithmetic>& table = *options.rope;
    table.check_fits(head_dim(), "rope", "the cache's ");
    if (count >= table.rows())
      fail("rope", {"has ", table.rows(), " rows"}, {"it has to have row ", count, ", by which keys are turned back"});
    for (Index p = 0; p < table.pairs(); ++p)
      if (table.cosine(0)[p] != Arithmetic(1) || table.sine(0)[p] != Arithmetic(0))
        fail("rope", "row 0 is no position 0: it turns, or has a factor", "it has to leave a key as it is");
    // A scale that grows with the position, as xPos has it, is 1 in row 0; to turn back would not take it away.
    constexpr double rounding = 8 * static_cast<double>(std::numeric_limits<Arithmetic>::epsilon());
    for (Index p = 0; p < table.pairs(); ++p) {
      const double cosine = static_cast<double>(table.cosine(count)[p]),
                   sine = static_cast<double>(table.sine(count)[p]);
      if (!(std::abs(cosine * cosine + sine * sine - 1) <= rounding))
        fail("rope", {"row ", count, " scales a key"}, {"it has to turn it and no more, to be turned back"});
    }
    return table.turn(count, head_dim(), true);
  }
  /// A position's key and value to the place of another one of the sequence.
  void move(Index sequence, Index from, Index to, const Turn<Arithmetic>& turn) {
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index h = 0; h < kv_heads(); ++h) {
      const typename Home::Kv::Head head = kv.head(sequence, h);
      const Key* const key = head.key(from);
      Key* const place = home_.keys() + (head.key(to) - home_.keys());
      if (turn.pairs == 0) {
        copy_key(key, inside(from), head_dim(), place, inside(to));
      } else {
        read_key(kv, key, inside(from), h, wide_.data());
        store_key_({wide_.data(), 1, head_dim(), turn}, turned_.data(), row_.data());
        write_key(kv, place, inside(to), h);
      }
      V* const value_place = home_.values() + (head.value(to) - home_.values());
      copy_value(head.value(from), inside(from), value_dim(), value_place, inside(to));
    }
  }

  /// Rows of batch entry b become the next positions of a sequence.
  void take(Index sequence, const View<const Arithmetic>& k, const View<const Arithmetic>& v, Index b,
            const AppendOptions<Arithmetic>& options) {
    const Index begin = home_.length(sequence);
    home_.grow(sequence, k.length());
    const typename Home::Kv kv = home_.kv(0, sequences());
    for (Index i = 0; i < k.length(); ++i) {
      Turn<Arithmetic> turn{};
      if (options.rope != nullptr)
        turn = options.rope->turn(options.rows.given() ? options.rows(b, i) : begin + i, head_dim());
      for (Index h = 0; h < kv_heads(); ++h) {
        store_key_({k.row(b, h, i), k.stride[3], head_dim(), turn}, turned_.data(), row_.data());
        Key* const key = home_.keys() + (kv.head(sequence, h).key(begin + i) - home_.keys());
        write_key(kv, key, inside(begin + i), h);
        V* const value = home_.values() + (kv.head(sequence, h).value(begin + i) - home_.values());
        take_value({v.row(b, h, i), v.stride[3], value_dim(), {}}, kv, value, inside(begin + i), h);
      }
    }
  }

  /// A key of head h as numbers, and what is kept of row_.
  void read_key([[maybe_unused]] const typename Home::Kv& kv, const Key* key, Index inside, [[maybe_unused]] Index h,
                Arithmetic* row) const {
    get_key(key, inside, head_dim(), row);
    if constexpr (Fp8Element<Key>) scale_row(std::span(row, at(head_dim())), kv.key_scales[h]);
    if constexpr (is_packed<Key>) {
      if (const float* const scales = kv.key_change.channels(h, head_dim()))
        for (Index d = 0; d < head_dim(); ++d) row[d] *= scales[d];
      if (kv.key_change.hadamard) rotate_hadamard(row, head_dim());
    }
  }
  void write_key([[maybe_unused]] const typename Home::Kv& kv, Key* key, Index inside, [[maybe_unused]] Index h) {
    if constexpr (is_packed<Key>) {
      if (kv.key_change.hadamard) rotate_hadamard(row_.data(), head_dim());
      if (const float* const scales = kv.key_change.channels(h, head_dim()))
        for (Index d = 0; d < head_dim(); ++d) row_[at(d)] /= scales[d];
    }
    if constexpr (Fp8Element<Key>)
      put_key(key, inside, head_dim(), row_.data(), kv.key_scales[h]);
    else
      put_key(key, inside, head_dim(), row_.data());
  }
  /// Keys with scales of their channels have nothing that could say NaN.
  void check_finite(const View<const Arithmetic>& k) const {
    if constexpr (std::is_same_v<K, int8_channels>)
      for (Index b = 0; b < k.batch(); ++b)
        for (Index h = 0; h < k.heads(); ++h)
          for (Index i = 0; i < k.length(); ++i)
            for (Index d = 0; d < k.dim(); ++d)
              if (!ieee::is_finite(k(b, h, i, d)))
                fail("k", {"k(", b, ", ", h, ", ", i, ", ", d, ") is NaN or infinite"},
                     "int8_channels keeps finite numbers only");
  }
  /// The same of values: those that are kept as elements go straight to their place.
  void read_value([[maybe_unused]] const typename Home::Kv& kv, const V* value, Index inside, [[maybe_unused]] Index h,
                  Arithmetic* row) const {
    get_value(value, inside, value_dim(), row);
    if constexpr (Fp8Element<V>) scale_row(std::span(row, at(value_dim())), kv.value_scales[h]);
  }
  void take_value(const RowStore<Arithmetic>& row, [[maybe_unused]] const typename Home::Kv& kv, V* value,
                  [[maybe_unused]] Index inside, [[maybe_unused]] Index h) {
    if constexpr (CacheElement<V>) {
      store_value_(row, nullptr, value);
    } else {
      store_value_(row, nullptr, value_row_.data());
      if constexpr (Fp8Element<V>)
        put_value(value, inside, value_dim(), value_row_.data(), kv.value_scales[h]);
      else
        put_value(value, inside, value_dim(), value_row_.data());
    }
  }
  static void scale_row(std::span<Arithmetic> row, float scale) {
    for (Arithmetic& x : row) x *= scale;
  }

  /// The place of a position in its block.
  static Index inside(Index position) { return position % key_block; }

  std::vector<row_as_t<Key>> row_;  // a key on its way into its block
  std::vector<float> value_row_;    // a value on its way, if it is to be quantised
  std::vector<Arithmetic> turned_, wide_;
  StoreRow<Arithmetic, row_as_t<Key>> store_key_;
  StoreRow<Arithmetic, row_as_t<V>> store_value_;
};

}  // namespace detail

/// Keys and values of sequences that grow up to a capacity, in float, double, Eigen::half or Eigen::bfloat16; in
/// fp8_e4m3 or fp8_e5m2, times a scale of their head; or as codes, to which append() quantises them: int8,
/// int8_channels, q8_0, q5_0, q5_1, q4_0, q4_1. Attention multiplies codes as integers (item 18 of the contract),
/// whatever the number of queries.
///
///     rapt::KvCache<Eigen::bfloat16> cache({.kv_heads = 8, .capacity = 8192, .head_dim = 128});
///     cache.append(k, v);                                    // the new positions
///     rapt::attention(q, cache, out, rapt::causal());        // the last query stands at the last position
///
/// Values may be of another type than keys: KvCache<Eigen::half, Eigen::bfloat16>, KvCache<q8_0, q4_0>.
///
/// Keys stand in blocks of 16, transposed, so that a decoding step loads them as they are. What append() took in, other
/// threads may attend to at once; append() and its like need the cache for themselves.
template <CacheStorage K, CacheStorage V = K>
class KvCache : public detail::Cache<K, detail::Slots<detail::stored_t<K>, detail::stored_t<V>>> {
  using Base = detail::Cache<K, detail::Slots<detail::stored_t<K>, detail::stored_t<V>>>;

 public:
  /// Throws std::invalid_argument for a shape that can't be, std::bad_alloc if there is no memory. `isa`: the
  /// instruction set that converts; active_isa() if unset.
  // clang-format off
  explicit KvCache(const CacheShape& shape, std::optional<Isa> isa = {})  // rapt: a shape is {.sequences, .kv_heads, .capacity, .head_dim, .value_dim}, in this order
                            // clang-format on
      : Base({shape, false}, isa) {}
};

/// As KvCache, of sequences that go on for ever (up to position 2^30): once `capacity`, rounded up to 64, is reached,
/// the oldest positions are forgotten. For sliding windows: a mask that reaches back further is an error. To attend to
/// window(left, 0) with chunks of n queries, it takes a capacity of left + n.
template <CacheStorage K, CacheStorage V = K>
class RingCache : public detail::Cache<K, detail::Slots<detail::stored_t<K>, detail::stored_t<V>>> {
  using Base = detail::Cache<K, detail::Slots<detail::stored_t<K>, detail::stored_t<V>>>;

 public:
  // clang-format off
  explicit RingCache(const CacheShape& shape, std::optional<Isa> isa = {})  // rapt: a shape is {.sequences, .kv_heads, .capacity, .head_dim, .value_dim}, in this order
                                                   // clang-format on
      : Base({shape, true}, isa) {}
};

/// Scales of channels for a cache of int8_channels, [kv_heads, head_dim]: the largest magnitude of each dim of a head
/// among these keys [batch, kv_heads, n, head_dim], times `margin`, / 127; 1 where all are 0. Of keys as the cache is
/// to keep them: turned by their positions, if append() is to turn them. What is larger than that later on becomes 127
/// steps, so a margin of 1.2 or more is wise. (With CacheShape::hadamard they have to be of keys that are turned so,
/// which these are then: say hadamard = true.) Throws std::invalid_argument for a view that can't be right.
inline std::vector<float> channel_scales(const View<const float>& k, float margin = 1.2f, bool hadamard = false) {
  detail::check_view(k, "k", "head_dim");
  std::vector<float> scales(static_cast<std::size_t>(k.heads() * k.dim())), row(static_cast<std::size_t>(k.dim()));
  for (Index b = 0; b < k.batch(); ++b)
    for (Index h = 0; h < k.heads(); ++h)
      for (Index i = 0; i < k.length(); ++i) {
        for (Index d = 0; d < k.dim(); ++d) row[static_cast<std::size_t>(d)] = k(b, h, i, d);
        if (hadamard) detail::rotate_hadamard(row.data(), k.dim());
        for (Index d = 0; d < k.dim(); ++d) {
          float& most = scales[static_cast<std::size_t>(h * k.dim() + d)];
          most = std::max(most, std::abs(row[static_cast<std::size_t>(d)]));
        }
      }
  for (float& s : scales) s = s > 0 ? s * margin / 127 : 1.0f;
  return scales;
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
