// One tile of keys and values, and what few queries make of it: each is read once for all the rows of its head.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The most rows of a key/value head that are few: beyond, queries fill the lanes better than keys do.
constexpr int few_rows = detail::most_few_rows;

/// The softmax states of all rows: as State, but row by row.
template <class T> struct RowStates {
  T* m;  // [rows]
  T* l;  // [rows]
  T* o;  // [rows][dim]
};

/// Memory of one worker.
template <class T> struct DecodeScratch {
  T* queries;                           // [few_rows][head_dim], scaled
  T* scores;                            // [rows_together][tile]: a tile's scores, then its weights
  detail::Word<T>* keep;                // [rows_together][tile]: which of them are attended
  T* keys;                              // [tile / key_block][head_dim][key_block]: keys that are kept as rows
  T* values;                            // [tile][dim]: values that can't be read in place
  detail::IntegerRows integers;         // queries that meet codes of keys
  detail::IntegerRows integer_weights;  // weights that meet codes of values
  T* number_row;                        // on their way there
  RowStates<T> span, total;             // of the span under way, and of the spans before it
};

/// All the rows of a key/value head, or as many as go through the keys together.
struct Rows {
  Index count, first;  // the first one's number in the head
  std::int32_t batch, first_head, last_head;
  std::int32_t first_query;  // the position of the call's query 0
  std::int32_t head[few_rows];
  std::int32_t position[few_rows];
  bool fresh[few_rows];  // nothing has been taken into the span's state yet
};

/// The keys and values of a tile. K, V: what they are read as.
template <class K, class V> struct DecodeTile {
  Index first, count;
  const K* keys[tile_blocks];  // blocks [head_dim][key_block]
  ValueRows<V> values;
  Wanted keys_ahead[tile_blocks], values_ahead[tile_blocks];  // to be fetched meanwhile: as much as each block's
};

/// What a kernel for few queries reads: keys in blocks where they are, and rows once they have been copied.
template <class T, class Kv>
using DecodeTileOf =
    std::conditional_t<Kv::blocked, DecodeTile<typename Kv::StoredKey, typename Kv::StoredValue>, DecodeTile<T, T>>;

/// value_dim, filled up to whole registers.
template <class T> RAPT_INLINE Index whole_registers(Index dim) { return detail::round_up(dim, Vec<T>::lanes); }

template <class T> RAPT_INLINE RowStates<T> take_rows(Carver& carver, Index dim) {
  RowStates<T> states{};
  states.m = carver.take<T>(few_rows);
  states.l = carver.take<T>(few_rows);
  states.o = carver.take<T>(few_rows * dim);
  return states;
}

/// Memory for so many rows of integers, of which each `block` numbers have a sum of their own.
RAPT_NOINLINE inline detail::IntegerRows take_integers(Carver& carver, Index rows, Index count, Index block) {
  detail::IntegerRows integers{};
  integers.count = count;
  integers.blocks = detail::ceil_div(count, block);
  integers.digits = carver.take<std::byte>(rows * 2 * count);
  integers.sums = carver.take<detail::DigitSum>(rows * integers.blocks);
  integers.units = carver.take<float>(rows);
  return integers;
}

/// Numbers of a row of keys of a format, filled up to whole registers and to whole blocks that share a scale.
template <class F> RAPT_INLINE Index integers_of_key(Index head_dim) {
  return detail::round_up(detail::BlockLayout<F>::of_keys(head_dim).dims, detail::key_block);
}

template <class T> RAPT_INLINE DecodeScratch<T> take_decode_scratch(Carver& carver, Index head_dim, Index value_dim) {
  const Index dim = whole_registers<T>(value_dim);
  DecodeScratch<T> s{};
  s.queries = carver.take<T>(few_rows * head_dim);
  s.scores = carver.take<T>(rows_together * contract::tile);
  s.keep = carver.take<detail::Word<T>>(rows_together * contract::tile);
  s.keys = carver.take<T>(contract::tile * head_dim);
  s.values = carver.take<T>(contract::tile * dim);
  s.span = take_rows<T>(carver, dim);
  s.total = take_rows<T>(carver, dim);
  return s;
}

/// The same where keys are kept as K and values as V.
template <class T, class K, class V>
RAPT_INLINE DecodeScratch<T> take_decode_scratch(Carver& carver, Index head_dim, Index value_dim) {
  DecodeScratch<T> s = take_decode_scratch<T>(carver, head_dim, value_dim);
  if constexpr (detail::is_packed<K>) {
    using Format = typename K::Format;
    const Index count = integers_of_key<Format>(head_dim);
    s.integers = take_integers(carver, few_rows, count, detail::summed<Format>);
    s.number_row = carver.take<T>(count);
  }
  if constexpr (detail::is_packed<V>)
    s.integer_weights = take_integers(carver, rows_together, contract::tile, contract::tile);
  return s;
}

/// How far ahead keys, and values, are fetched: half the way soon, all of it later. From nearer, they come too late;
/// from farther, more is fetched in vain where a head's keys end.
constexpr Index ahead_bytes = 32 * 1024;

/// The positions that are gone through, up to `end`, and those that the worker is likely to go on with.
struct Course {
  Index batch, head, end;
  Index next_batch, next_head, next_begin, next_end;
};

/// A position of a sequence and head.
struct Spot {
  Index batch, head, position;
};

/// Where a course is at, or will have come to. Always a position that exists: a caller's strides may be so large that
/// even the address of another one can't be told.
RAPT_INLINE Spot spot_of(const Course& c, Index position) {
  if (position < c.end) return {c.batch, c.head, position};
  const Index beyond = c.next_begin + position - c.end;
  return {c.next_batch, c.next_head, beyond < c.next_end ? beyond : c.next_begin};
}

RAPT_INLINE Wanted wanted(const void* soon, const void* later) {
  return {static_cast<const std::byte*>(soon), static_cast<const std::byte*>(later)};
}
RAPT_INLINE Wanted shifted(const Wanted& w, Index bytes) { return {w.soon + bytes, w.later + bytes}; }

/// How many positions are fetched ahead, at first.
template <class Kv> RAPT_INLINE Index distance_ahead(const Kv& kv) {
  constexpr Index block = detail::key_block;
  const Index bytes = detail::key_units<typename Kv::StoredKey>(kv.head_dim()) * block *
                      Index(sizeof(typename Kv::StoredKey));  // its values' are about as many
  const Index blocks = ahead_bytes / 2 / bytes;
  return blocks > 1 ? blocks * block : block;
}

/// What to fetch while a tile is worked on, where a head's keys and values are one stretch of memory each: then so is
/// what comes as far ahead of a tile.
template <class K, class V, class Kv>
  requires(!Kv::paged)
RAPT_INLINE void look_ahead(DecodeTile<K, V>& tile, const Kv& kv, const Course& c) {
  constexpr Index block = detail::key_block, element = sizeof(typename Kv::StoredKey);
  constexpr Index value_element = sizeof(typename Kv::StoredValue);
  const Index distance = distance_ahead(kv);
  const Index bytes = detail::key_units<typename Kv::StoredKey>(kv.head_dim()) * block * element;
  const Spot soon = spot_of(c, tile.first + distance), later = spot_of(c, tile.first + 2 * distance);
  const typename Kv::Head soon_in = kv.head(soon.batch, soon.head), later_in = kv.head(later.batch, later.head);
  tile.keys_ahead[0] = wanted(soon_in.key(soon.position), later_in.key(later.position));
  tile.values_ahead[0] = wanted(soon_in.value(soon.position), later_in.value(later.position));
  // a caller's rows may be so far apart that the address of one that isn't there can't be told
  const bool all = Kv::blocked || tile.count == contract::tile;
  Index keys = all ? bytes : 0;
  if constexpr (!Kv::blocked) keys = all ? kv.key_step() * block * element : 0;
  const Index values = all ? kv.value_step() * block * value_element : 0;
  for (int i = 1; i < tile_blocks; ++i) {
    tile.keys_ahead[i] = shifted(tile.keys_ahead[0], i * keys);
    tile.values_ahead[i] = shifted(tile.values_ahead[0], i * values);
  }
}

/// In pages, each block is looked up: keys and values in one go.
template <class K, class V, class Kv>
  requires(Kv::paged)
RAPT_INLINE void look_ahead(DecodeTile<K, V>& tile, const Kv& kv, const Course& c) {
  const typename Kv::Head here = kv.head(c.batch, c.head), next = kv.head(c.next_batch, c.next_head);
  const Index distance = distance_ahead(kv);
  const void *keys[2 * tile_blocks], *values[2 * tile_blocks];  // soon, later
  for (int i = 0; i < 2 * tile_blocks; ++i) {
    const Index ahead = i < tile_blocks ? distance : 2 * distance;
    const Spot spot = spot_of(c, tile.first + ahead + i % tile_blocks * detail::key_block);
    const typename Kv::Head& head = spot.head == c.head && spot.batch == c.batch ? here : next;
    const auto place = head.place(spot.position);
    keys[i] = head.key(place);
    values[i] = head.value(place);
  }
  for (int i = 0; i < tile_blocks; ++i) {
    tile.keys_ahead[i] = wanted(keys[i], keys[i + tile_blocks]);
    tile.values_ahead[i] = wanted(values[i], values[i + tile_blocks]);
  }
}

/// A tile of keys that are kept in blocks: everything is read in place.
template <class Kv>
RAPT_INLINE void find_decode_tile(DecodeTile<typename Kv::StoredKey, typename Kv::StoredValue>& tile, const Kv& kv,
                                  const Course& c) {
  const typename Kv::Head head = kv.head(c.batch, c.head);
  for (Index i = 0; i < tile_blocks; ++i) {
    const Index key = i * detail::key_block, there = tile.first + (key < tile.count ? key : 0);
    tile.keys[i] = head.key(there);
    tile.values.blocks[i] = head.value(there);
  }
  tile.values.step = kv.value_step();
}

/// A tile of keys that are kept in rows: they are put into blocks. Values are copied if their elements don't stand side
/// by side as T, don't fill whole registers, or if the rows of a block don't all stand as far apart.
template <class Kv, class T>
RAPT_INLINE void copy_decode_tile(DecodeTile<T, T>& tile, const Kv& kv, const Course& c, const DecodeScratch<T>& s) {
  using Key = typename Kv::StoredKey;
  using Value = typename Kv::StoredValue;
  const Index value_dim = kv.value_dim(), dim = whole_registers<T>(value_dim), stride = kv.value_stride();
  const typename Kv::Head head = kv.head(c.batch, c.head);
  const Key* rows[contract::tile];
  for (Index j = 0; j < contract::tile; ++j) rows[j] = head.key(tile.first + (j < tile.count ? j : 0));
  const bool even = kv.even_blocks();
  const Index step_ahead = tile.count == contract::tile && even ? kv.key_step() * Index(sizeof(Key)) : 0;
  block_keys(rows, tile.keys_ahead, step_ahead, kv.head_dim() == 1 ? 1 : kv.key_stride(), kv.head_dim(), s.keys);
  for (Index i = 0; i < tile_blocks; ++i) {
    tile.keys[i] = s.keys + i * detail::key_block * kv.head_dim();
    tile.keys_ahead[i] = wanted(s.keys, s.keys);  // no more is wanted
  }

  if constexpr (std::is_same_v<T, Value>) {
    if (even && dim == value_dim && (stride == 1 || value_dim == 1)) {
      for (Index i = 0; i < tile_blocks; ++i)
        tile.values.blocks[i] =
            head.value(tile.first + (i * detail::key_block < tile.count ? i * detail::key_block : 0));
      tile.values.step = kv.value_step();
      return;
    }
  }
  for (Index j = 0; j < tile.count; ++j) {
    const Value* const row = head.value(tile.first + j);
    T* const copy = s.values + j * dim;
    if (stride == 1)
      convert(row, value_dim, copy);
    else
      for (Index d = 0; d < value_dim; ++d) copy[d] = detail::widened(row[d * stride]);
    for (Index d = value_dim; d < dim; ++d) copy[d] = T(0);
  }
  for (Index i = 0; i < tile_blocks; ++i) {
    tile.values.blocks[i] = s.values + i * detail::key_block * dim;
    tile.values_ahead[i] = wanted(s.values, s.values);
  }
  tile.values.step = dim;
}

template <class T> RAPT_NOINLINE void rescale_row(T* o, T factor, Index dim) {
  const Vec<T> by = broadcast(factor);
  for (Index d = 0; d < dim; d += Vec<T>::lanes) store(o + d, mul(load(o + d), by));
}

template <class T> RAPT_NOINLINE void clear_row(T* o, Index dim) {
  for (Index d = 0; d < dim; d += Vec<T>::lanes) store(o + d, broadcast(T(0)));
}

/// Where the scores of a row with the tile that begins at `first_key` stand.
RAPT_INLINE detail::RowCoords coords_of(const Rows& rows, Index row, Index first_key) {
  return {rows.batch, static_cast<std::int32_t>(first_key), rows.first_query, rows.head[row], rows.position[row]};
}

/// Which scores of rows [first, first + count) with a tile are attended, [row][tile], one word a score; and whether any
/// is.
template <class T>
RAPT_INLINE bool keeps_any(const detail::Scoring<T>& score, const Rows& rows, Index first, Index count, Index first_key,
                           Index keys, detail::Word<T>* keep) {
  bool any = false;
  for (Index r = first; r < first + count; ++r, keep += contract::tile)
    any = score.keep_row(score.stage, coords_of(rows, r, first_key), keys, keep) || any;
  return any;
}

/// Scores of rows [first, first + Count) of a head with a tile's keys: of codes, exactly in integers.
template <int Count, class T, class K, class V>
RAPT_INLINE void score_tile(const detail::IntegerLoops& loops, Index first, const DecodeTile<K, V>& tile,
                            const DecodeScratch<T>& s, Index head_dim) {
  if constexpr (detail::is_packed<K>) {
    const detail::IntegerRows& all = s.integers;
    detail::CodeScores call{
        {all.digits + first * 2 * all.count, all.sums + first * all.blocks, all.units + first, all.count, all.blocks},
        head_dim,
        {},
        tile.keys_ahead,
        s.scores};
    for (int i = 0; i < tile_blocks; ++i) call.keys[i] = &tile.keys[i]->byte;
    (Count == 1 ? loops.scores_of_one : loops.scores)(call);
  } else {
    score_rows<Count>(s.queries + first * head_dim, head_dim, tile.keys, tile.keys_ahead, s.scores);
  }
}

/// What rows [first, first + count) add to their outputs, with the weights in s.scores. `fresh`: they begin from zero.
template <int Count, class T, class K, class V>
RAPT_INLINE void add_tile_values(const detail::IntegerLoops& loops, Index count, bool all, bool fresh,
                                 const DecodeTile<K, V>& tile, const DecodeScratch<T>& s, Index value_dim, Index dim,
                                 T* o) {
  if constexpr (detail::is_packed<V>) {
    detail::CodeValues call{tile.count, count, s.scores, s.integer_weights, {}, tile.values_ahead, value_dim, dim, o};
    for (int i = 0; i < tile_blocks; ++i) call.values[i] = &tile.values.blocks[i]->byte;
    (Count == 1 ? loops.values_of_one : loops.values)(call);
  } else {
    if (all) return add_row_values<Count>(s.scores, tile.values, tile.values_ahead, tile.count, dim, fresh, o);
    for (Index r = 0; r < count; ++r)
      add_kept_values(s.scores + r * contract::tile, s.keep + r * contract::tile, tile.values, tile.count, dim,
                      o + r * dim);
  }
}

/// Rows [first, first + count) of a head go through a tile: with all scores, or with those that s.keep has. `Count` of
/// them are worked on: those that are not there repeat the last one's query, and what comes of them is not looked at.
template <int Count, class T, class K, class V>
RAPT_NOINLINE void attend_rows(const detail::Scoring<T>& score, const detail::IntegerLoops& loops, Rows& rows,
                               Index first, Index count, bool all, const DecodeTile<K, V>& tile,
                               const DecodeScratch<T>& s, Index head_dim, Index value_dim) {
  constexpr Index tile_keys = contract::tile;
  const Index dim = whole_registers<T>(value_dim);
  T* const o = s.span.o + first * dim;
  const bool fresh = rows.fresh[first], whole = all && !detail::is_packed<V>;
  score_tile<Count>(loops, first, tile, s, head_dim);
  if (score.change_row != nullptr)
    for (Index r = 0; r < count; ++r)
      score.change_row(score.stage, coords_of(rows, first + r, tile.first), tile.count, s.scores + r * tile_keys);
  for (Index r = 0; r < Count; ++r)
    for (Index j = tile.count; j < tile_keys; ++j) s.scores[r * tile_keys + j] = -std::numeric_limits<T>::infinity();

  if (!whole && fresh) clear_row(o, Count * dim);
  T *const m = s.span.m + first, *const l = s.span.l + first, factor[Count];
  if (all)
    soften_rows(s.scores, count, KeepAll<T>{}, m, l, factor);
  else
    soften_rows(s.scores, count, KeepSome<T>{s.keep}, m, l, factor);
  for (Index r = 0; r < count; ++r)
    if (factor[r] != T(1) && (!fresh || !whole)) rescale_row(o + r * dim, factor[r], dim);
  add_tile_values<Count>(loops, count, all, fresh, tile, s, value_dim, dim, o);
  for (Index r = 0; r < Count; ++r) rows.fresh[first + r] = false;
}

/// All rows go through one tile.
template <class T, class Kv>
RAPT_NOINLINE void decode_tile(const detail::ForwardWork<T, Kv>& work, const Course& course, Rows& rows, Index key,
                               const DecodeScratch<T>& s) {
  const Kv& kv = work.problem.kv;
  const Index head_dim = kv.head_dim(), value_dim = kv.value_dim();
  DecodeTileOf<T, Kv> tile;
  const Index left = kv.length(course.batch) - key;
  tile.first = key;
  tile.count = left < contract::tile ? left : contract::tile;
  bool found = false;
  for (Index first = 0; first < rows.count; first += rows_together) {
    const Index count = rows.count - first < rows_together ? rows.count - first : rows_together;
    const Box box{rows.batch,
                  rows.first_head,
                  rows.last_head,
                  rows.position[first],
                  rows.position[first + count - 1],
                  static_cast<std::int32_t>(key),
                  static_cast<std::int32_t>(key + tile.count - 1),
                  rows.position[first] - rows.first_query};
    const Coverage covers = work.score.covers(box);
    if (covers == Coverage::none) continue;
    // Asked before anything is read or copied: a mask that can't judge a box may hide all of it.
    const bool all = covers == Coverage::all;
    if (!all && !keeps_any(work.score, rows, first, count, key, tile.count, s.keep)) continue;
    if (!found) {
      look_ahead(tile, kv, course);
      if constexpr (Kv::blocked)
        find_decode_tile(tile, kv, course);
      else
        copy_decode_tile(tile, kv, course, s);
    }
    found = true;
    if (count > 2) {
      attend_rows<rows_together>(work.score, work.integers, rows, first, count, all, tile, s, head_dim, value_dim);
      continue;
    }
    DecodeScratch<T> of_row = s;
    for (Index r = 0; r < count; ++r, of_row.keep += contract::tile)
      attend_rows<1>(work.score, work.integers, rows, first + r, 1, all, tile, of_row, head_dim, value_dim);
  }
}

RAPT_REGION_CLOSE

#endif
