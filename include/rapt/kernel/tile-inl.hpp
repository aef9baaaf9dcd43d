// One tile of keys and values: where its rows are, and what a group of queries makes of it.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Memory of one worker, carved from its piece of the workspace. E: an element of the kernels' loops.
template <class T, class E = T> struct Scratch {
  T* scores;              // [tile][lanes]: a tile's scores, then its weights
  E* weights;             // [tile / depth][lanes]: these as elements
  detail::Word<T>* keep;  // [tile][lanes]: which of them are attended
  T* largest;             // [lanes]: the largest score of each row
  T* factor;              // [lanes]
  E* keys;                // [tile][elements]: keys that can't be read in place, in rows or in blocks
  E* values;              // [tile / depth][value_dim]
  T* query_rows;          // [lanes][head_dim]: queries to be converted or turned, before there are keys
  T* output_rows;         // [lanes][value_dim]: outputs to be converted, when there are no more values
};

/// The pointers that an Ahead points to.
struct AheadRows {
  const std::byte* keys[contract::tile];
  const std::byte* values[contract::tile];
  RAPT_INLINE Ahead from(Index key) const { return {keys + key, values + key}; }
};

/// The keys and values of a tile: a key's elements stand key_stride apart, a value's side by side. A row of values is
/// of as many keys as an element has numbers.
template <class E> struct Tile {
  Index first, count;  // keys
  const E* key_rows[contract::tile];
  Index key_stride;
  const E* values[contract::tile];
  AheadRows next;  // the tile after it
  RAPT_INLINE Keys<E> keys() const { return {key_rows, key_stride}; }
  RAPT_INLINE Index value_rows() const { return (count + depth<E> - 1) / depth<E>; }
};

/// How many elements so many numbers fill, the last one perhaps with a 0.
template <class E> RAPT_INLINE Index elements_of(Index numbers) { return (numbers + depth<E> - 1) / depth<E>; }

/// The keys of a tile where they are, if a kernel can read them there, or copies.
template <class T, class Kv>
RAPT_NOINLINE void find_keys(const Kv& kv, const typename Kv::Head& head, T* copies, Tile<T>& tile) {
  using Stored = typename Kv::StoredKey;
  const Index dim = kv.head_dim(), stride = kv.key_stride();
  constexpr bool same = std::is_same_v<Stored, T>;
  if constexpr (Kv::blocked && !same) {
    tile.key_stride = detail::key_block;
    for (Index j = 0; j < tile.count; ++j) {
      const Index block = j / detail::key_block * detail::key_block, inside = j % detail::key_block;
      T* const copy = copies + block * dim;
      if (inside == 0) convert(head.key(tile.first + block), detail::key_block * dim, copy);
      tile.key_rows[j] = copy + inside;
    }
  } else {
    const bool in_place = same && (Kv::blocked || stride == 1 || dim == 1);
    tile.key_stride = in_place ? stride : 1;
    for (Index j = 0; j < tile.count; ++j) {
      const Stored* const row = head.key(tile.first + j);
      T* const copy = copies + j * dim;
      tile.key_rows[j] = copy;
      if constexpr (same)
        if (in_place) {
          tile.key_rows[j] = row;
          continue;
        }
      if (stride == 1)
        convert(row, dim, copy);
      else
        for (Index d = 0; d < dim; ++d) copy[d] = detail::widened(row[d * stride]);
    }
  }
}

template <class T, class Kv>
RAPT_NOINLINE void find_values(const Kv& kv, const typename Kv::Head& head, T* copies, Tile<T>& tile) {
  using Stored = typename Kv::StoredValue;
  const Index dim = kv.value_dim(), stride = kv.value_stride();
  for (Index j = 0; j < tile.count; ++j) {
    const Stored* const row = head.value(tile.first + j);
    T* const copy = copies + j * dim;
    tile.values[j] = copy;
    if (stride != 1 && dim != 1) {
      for (Index d = 0; d < dim; ++d) copy[d] = detail::widened(row[d * stride]);
    } else if constexpr (std::is_same_v<Stored, T>) {
      tile.values[j] = row;
    } else {
      convert(row, dim, copy);
    }
  }
}

// The same as pairs: of keys, two dims each; of values, two keys each, and 0 where there is but one.

/// A row's numbers, which stand `stride` apart, two by two.
template <class K> RAPT_NOINLINE void pair_row(const K* from, Index stride, Index count, detail::Pair* to) {
  Index d = 0;
  for (; d + 1 < count; d += 2, ++to)
    *to = detail::pair_of(detail::widened(from[d * stride]), detail::widened(from[(d + 1) * stride]));
  if (d < count) *to = detail::pair_of(detail::widened(from[d * stride]), 0);
}
/// Two rows, number by number; the second one is 0 if it is null.
template <class K>
RAPT_NOINLINE void pair_rows(const K* even, const K* odd, Index stride, Index count, detail::Pair* to) {
  for (Index d = 0; d < count; ++d)
    to[d] = detail::pair_of(detail::widened(even[d * stride]), odd == nullptr ? 0 : detail::widened(odd[d * stride]));
}
/// Rows whose numbers stand side by side.
template <class K> RAPT_NOINLINE void zip_rows(const K* even, const K* odd, Index count, detail::Pair* to) {
  constexpr int width = Vec<float>::lanes;
  Index d = 0;
  for (; d + width <= count; d += width)
    store(to + d, pair(round_to_bfloat16(load(even + d)), round_to_bfloat16(load(odd + d))));
  for (; d < count; ++d) to[d] = detail::pair_of(detail::widened(even[d]), detail::widened(odd[d]));
}
/// Those of bfloat16 are as they are.
template <>
RAPT_NOINLINE inline void zip_rows(const Eigen::bfloat16* even, const Eigen::bfloat16* odd, Index count,
                                   detail::Pair* to) {
  constexpr int width = Vec<float>::lanes;
  const std::uint16_t* const low = reinterpret_cast<const std::uint16_t*>(even);
  const std::uint16_t* const high = reinterpret_cast<const std::uint16_t*>(odd);
  Index d = 0;
  for (; d + width <= count; d += width) {
    store(to + d, pair(load(reinterpret_cast<const Eigen::bfloat16*>(low + d)),
                       load(reinterpret_cast<const Eigen::bfloat16*>(high + d))));
  }
  for (; d < count; ++d) to[d] = {low[d], high[d]};
}

/// A block of keys [dim][key_block] becomes one of pairs [pair][key_block].
template <class K> RAPT_NOINLINE void pair_block(const K* from, Index head_dim, detail::Pair* to) {
  constexpr Index block = detail::key_block;
  Index d = 0;
  for (; d + 1 < head_dim; d += 2, to += block) zip_rows(from + d * block, from + (d + 1) * block, block, to);
  if (d < head_dim) pair_rows(from + d * block, static_cast<const K*>(nullptr), 1, block, to);
}

template <class Kv>
RAPT_NOINLINE void find_keys(const Kv& kv, const typename Kv::Head& head, detail::Pair* copies,
                             Tile<detail::Pair>& tile) {
  using Stored = typename Kv::StoredKey;
  const Index dim = kv.head_dim(), pairs = elements_of<detail::Pair>(dim), stride = kv.key_stride();
  if constexpr (Kv::blocked) {
    tile.key_stride = detail::key_block;
    for (Index j = 0; j < tile.count; ++j) {
      const Index inside = j % detail::key_block;
      detail::Pair* const copy = copies + (j - inside) * pairs;
      if (inside == 0) pair_block(head.key(tile.first + j), dim, copy);
      tile.key_rows[j] = copy + inside;
    }
    return;
  }
  const bool in_place = std::is_same_v<Stored, Eigen::bfloat16> && stride == 1 && dim % 2 == 0;
  tile.key_stride = 1;
  for (Index j = 0; j < tile.count; ++j) {
    const Stored* const row = head.key(tile.first + j);
    detail::Pair* const copy = copies + j * pairs;
    tile.key_rows[j] = in_place ? reinterpret_cast<const detail::Pair*>(row) : copy;
    if (!in_place) pair_row(row, stride, dim, copy);
  }
}

template <class Kv>
RAPT_NOINLINE void find_values(const Kv& kv, const typename Kv::Head& head, detail::Pair* copies,
                               Tile<detail::Pair>& tile) {
  using Stored = typename Kv::StoredValue;
  const Index dim = kv.value_dim(), stride = kv.value_stride();
  for (Index j = 0; j < tile.count; j += 2, copies += dim) {
    const Stored* const even = head.value(tile.first + j);
    const Stored* const odd = j + 1 < tile.count ? head.value(tile.first + j + 1) : nullptr;
    tile.values[j / 2] = copies;
    if (stride == 1 && odd != nullptr)
      zip_rows(even, odd, dim, copies);
    else
      pair_rows(even, odd, stride, dim, copies);
  }
}

/// What is wanted while a tile is worked on: the one after it, if there is one. Of blocked keys a stretch is as much of
/// a block as is one key's share of it.
template <class T, class Kv>
RAPT_NOINLINE void find_next(const Kv& kv, const typename Kv::Head& head, Index length, const Tile<T>& tile,
                             AheadRows& next) {
  for (Index j = 0; j < contract::tile; ++j) {
    const Index after = tile.first + contract::tile + j, key = after < length ? after : tile.first;
    const Index inside = Kv::blocked ? key % detail::key_block : 0;
    next.keys[j] = reinterpret_cast<const std::byte*>(head.key(key - inside) + inside * kv.head_dim());
    next.values[j] = reinterpret_cast<const std::byte*>(head.value(key));
  }
}

/// Registers of queries are worked on by whole register tiles, or, where one is wide and there are fewer, one by one.
constexpr int working_registers(int registers) {
  if (tile_registers > 2 && registers < tile_registers) return registers;
  return (registers + tile_registers - 1) / tile_registers * tile_registers;
}

/// A group of rows: the queries in its lanes, and what they have come to.
template <class T, class E = T> struct Group {
  int rows;       // lanes that hold a row of their own; the others repeat the last one
  int registers;  // that hold these rows
  std::int32_t batch, first_head, last_head;
  std::int32_t first_query;  // the position of the call's query 0
  std::int32_t head[group_lanes<T>];
  std::int32_t position[group_lanes<T>];
  std::byte* output[group_lanes<T>];  // the caller's rows
  AheadRows after;  // what is wanted after the last tile: the next block's queries, and the rows to write to
  E* queries;       // [elements][lanes], of depth 1 scaled
  State<T> span;    // of the span under way
  State<T> total;   // of the spans before it
  bool span_empty, total_empty;
};

/// The box of scores of registers [first, last) of a group with some keys.
template <class T, class E>
RAPT_INLINE Box box_of(const Group<T, E>& g, int first, int last, Index first_key, Index keys) {
  const int begin = first * Vec<T>::lanes;
  const int end = (last * Vec<T>::lanes < g.rows ? last * Vec<T>::lanes : g.rows) - 1;
  return {g.batch,
          g.first_head,
          g.last_head,
          g.position[begin],
          g.position[end],
          static_cast<std::int32_t>(first_key),
          static_cast<std::int32_t>(first_key + keys - 1),
          g.position[begin] - g.first_query};
}

/// score_keys and add_values by register tiles that suit the number of registers: each width is machine code of its
/// own, to be compiled in every program.
template <class E, class T>
RAPT_INLINE void score_keys(int registers, const E* queries, Keys<E> keys, Ahead ahead, Index count, Index elements,
                            T scale, T* scores, T* largest) {
  const Flushing<E> flushing;
  if (registers % tile_registers == 0)
    score_keys<tile_registers>(registers, queries, keys, ahead, count, elements, scale, scores, largest);
  else if constexpr (tile_registers > 2)
    score_keys<1>(registers, queries, keys, ahead, count, elements, scale, scores, largest);
}
template <class E, class T>
RAPT_INLINE void add_values(int registers, const E* weights, const E* const* values, Index count, Index value_dim,
                            bool fresh, T* output) {
  const Flushing<E> flushing;
  if (registers % tile_registers == 0)
    add_values<tile_registers>(registers, weights, values, count, value_dim, fresh, output);
  else if constexpr (tile_registers > 2)
    add_values<1>(registers, weights, values, count, value_dim, fresh, output);
}

/// Where the scores of a group with a tile stand.
template <class T, class E> RAPT_INLINE detail::LaneCoords coords_of(const Group<T, E>& g, const Tile<E>& tile) {
  return {g.batch, static_cast<std::int32_t>(tile.first), g.first_query, g.head, g.position};
}

/// The scores of a tile, changed.
template <class T, class E>
RAPT_INLINE void change_tile(const detail::Scoring<T>& score, const Group<T, E>& g, const Tile<E>& tile, T* scores) {
  score.change_lanes(score.stage, coords_of(g, tile), tile.count, scores);
}

/// A tile whose every key is attended by every row of the group.
template <class T, class E>
RAPT_NOINLINE void attend_full(const detail::Scoring<T>& score, Group<T, E>& g, const Tile<E>& tile,
                               const AheadRows& ahead, const Scratch<T, E>& s, Index head_dim, Index value_dim,
                               T scale) {
  if (g.span_empty) clear(g.span, g.registers, 0);
  for (int i = 0; i < group_lanes<T>; ++i) s.largest[i] = std::numeric_limits<T>::lowest();
  score_keys(g.registers, g.queries, tile.keys(), ahead.from(0), tile.count, elements_of<E>(head_dim), scale, s.scores,
             s.largest);
  if (score.change_lanes != nullptr) change_tile(score, g, tile, s.scores);
  fill_up(s.scores, tile.count, places_seen(tile.count));
  if (score.change_lanes != nullptr) find_largest(g.registers, s.scores, tile.count, KeepAll<T>{}, s.largest);
  const bool moved =
      soften(g.registers, s.scores, s.weights, tile.count, KeepAll<T>{}, s.largest, g.span.m, g.span.l, s.factor);
  if (moved && !g.span_empty) rescale<E>(g.span, s.factor, g.registers, value_dim);
  add_values(g.registers, s.weights, tile.values, tile.value_rows(), value_dim, g.span_empty, g.span.o);
  g.span_empty = false;
}

/// Whether every value of a tile is finite: then 0 · value is 0, and a masked weight of 0 is as good as no weight at
/// all.
template <class T> RAPT_NOINLINE bool all_finite(const T* const* rows, Index count, Index dim) {
  constexpr int width = Vec<T>::lanes;
  const Vec<T> zero = broadcast(ieee::zero<T>());
  Vec<T> sum = zero;  // of value · 0, which is NaN for what is not finite
  T rest = 0;
  for (Index j = 0; j < count; ++j) {
    Index d = 0;
    for (; d + width <= dim; d += width) sum = fma(load(rows[j] + d), zero, sum);
    for (; d < dim; ++d) rest += rows[j][d] * T(0);
  }
  return !any(is_nan(sum)) && rest == T(0);
}

template <> RAPT_NOINLINE inline bool all_finite(const detail::Pair* const* rows, Index count, Index dim) {
  for (Index j = 0; j < count; ++j)
    for (Index d = 0; d < dim; ++d)
      if ((rows[j][d].even & 0x7f80) == 0x7f80 || (rows[j][d].odd & 0x7f80) == 0x7f80) return false;
  return true;
}

/// o[d] takes in weight · value where the key is attended, and stays as it is where not, whatever the value's bits.
template <class T>
RAPT_NOINLINE void add_values_selected(const T* weights, const detail::Word<T>* keep, int registers,
                                       const T* const* values, Index count, Index value_dim, T* output) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (Index d = 0; d < value_dim; ++d)
    for (int r = 0; r < registers; ++r) {
      T* o = output + d * lanes + r * width;
      Vec<T> sum = load(o);
      for (Index j = 0; j < count; ++j) {
        const Index at = j * lanes + r * width;
        sum = select(load_mask(keep + at), fma(load(weights + at), broadcast(values[j][d]), sum), sum);
      }
      store(o, sum);
    }
}

/// The same of pairs: a key that is not attended is one whose weight and value are 0.
template <class T>
RAPT_NOINLINE void add_values_selected(const detail::Pair* weights, const detail::Word<T>* keep, int registers,
                                       const detail::Pair* const* values, Index count, Index value_dim, T* output) {
  constexpr int lanes = group_lanes<T>;
  for (Index d = 0; d < value_dim; ++d)
    for (int i = 0; i < registers * Vec<T>::lanes; ++i) {
      T sum = output[d * lanes + i];
      for (Index j = 0; j < count; ++j) {
        detail::Pair value = values[j][d];
        if (keep[2 * j * lanes + i] == 0) value.even = 0;
        if (keep[(2 * j + 1) * lanes + i] == 0) value.odd = 0;
        sum = detail::multiply_add(weights[j * lanes + i], value, sum);
      }
      output[d * lanes + i] = sum;
    }
}

/// Keys that are looked at together in a partly masked tile.
constexpr Index strip_keys = 16;

/// The registers [first, last) of a group that attend to any key of a strip.
struct Strip {
  Index key, keys;  // within the tile
  int first, last;
};

template <class T, class E>
RAPT_INLINE Strip find_strip(const detail::Scoring<T>& score, const Group<T, E>& g, const Tile<E>& tile, Index key) {
  const Index keys = tile.count - key < strip_keys ? tile.count - key : strip_keys;
  Strip strip{key, keys, g.registers, 0};
  for (int r = 0; r < g.registers; ++r) {
    if (score.covers(box_of(g, r, r + 1, tile.first + key, keys)) == Coverage::none) continue;
    strip.first = strip.first < r ? strip.first : r;
    strip.last = r + 1;
  }
  if (strip.first >= strip.last) return strip;  // none
  const int working = working_registers(strip.last - strip.first), latest = g.registers - working;
  strip.first = strip.first < latest ? strip.first : latest;
  strip.last = strip.first + working;
  return strip;
}

/// A tile of which only some scores may be attended. Within it, each strip of keys is looked at only by those registers
/// of queries that attend to any of them: of a causal diagonal that saves nearly half.
template <class T, class E>
RAPT_NOINLINE void attend_some(const detail::Scoring<T>& score, Group<T, E>& g, const Tile<E>& tile,
                               const AheadRows& ahead, const Scratch<T, E>& s, Index head_dim, Index value_dim,
                               T scale) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  const Box box = box_of(g, 0, g.registers, tile.first, tile.count);
  const Coverage kept = score.keep_lanes(score.stage, coords_of(g, tile), box, tile.count, s.keep);
  if (kept == Coverage::none) return;
  if (kept == Coverage::all) return attend_full(score, g, tile, ahead, s, head_dim, value_dim, scale);
  if (score.change_lanes != nullptr) clear_scores(s.scores, tile.count);  // those that no strip computes
  Strip strips[contract::tile / strip_keys];
  int count = 0;
  for (Index key = 0; key < tile.count; key += strip_keys) {
    const Strip strip = find_strip(score, g, tile, key);
    if (strip.first >= strip.last) continue;
    strips[count++] = strip;
    score_keys(strip.last - strip.first, g.queries + strip.first * width, tile.keys().from(key), ahead.from(key),
               strip.keys, elements_of<E>(head_dim), scale, s.scores + key * lanes + strip.first * width, s.largest);
  }
  if (g.span_empty) clear(g.span, g.registers, value_dim);
  g.span_empty = false;
  if (score.change_lanes != nullptr) change_tile(score, g, tile, s.scores);
  fill_up(s.scores, tile.count, places_seen(tile.count));
  const KeepSome<T> keep{s.keep};
  find_largest(g.registers, s.scores, tile.count, keep, s.largest);
  const bool moved =
      soften(g.registers, s.scores, s.weights, tile.count, keep, s.largest, g.span.m, g.span.l, s.factor);
  if (moved) rescale<E>(g.span, s.factor, g.registers, value_dim);

  const E* const weights = s.weights;
  if (!all_finite(tile.values, tile.value_rows(), value_dim))
    return add_values_selected(weights, s.keep, g.registers, tile.values, tile.value_rows(), value_dim, g.span.o);
  for (int i = 0; i < count; ++i) {
    const Strip& strip = strips[i];
    const Index row = strip.key / depth<E>;
    add_values(strip.last - strip.first, weights + row * lanes + strip.first * width, tile.values + row,
               elements_of<E>(strip.keys), value_dim, false, g.span.o + strip.first * width);
  }
}

RAPT_REGION_CLOSE

#endif
