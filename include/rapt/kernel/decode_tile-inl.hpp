// One tile of keys and values, and what few queries make of it: each is read once for all the rows of its head.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The most rows of a key/value head that are few: beyond, queries fill the lanes better than keys do.
constexpr int few_rows = 16;

/// The softmax states of all rows: as State, but row by row.
template <class T> struct RowStates {
  T* m;  // [rows]
  T* l;  // [rows]
  T* o;  // [rows][dim]
};

/// Memory of one worker.
template <class T> struct DecodeScratch {
  T* queries;                // [few_rows][head_dim], scaled
  T* scores;                 // [rows_together][tile]: a tile's scores, then its weights
  detail::Word<T>* keep;     // [rows_together][tile]: which of them are attended
  T* keys;                   // [tile / key_block][head_dim][key_block]: keys that are kept as rows
  T* values;                 // [tile][dim]: values that can't be read in place
  RowStates<T> span, total;  // of the span under way, and of the spans before it
};

/// All the rows of a key/value head.
struct Rows {
  Index count;
  std::int32_t batch, first_head, last_head;
  std::int32_t first_query;  // the position of the call's query 0
  std::int32_t head[few_rows];
  std::int32_t position[few_rows];
  bool fresh[few_rows];  // nothing has been taken into the span's state yet
};

/// The keys and values of a tile. K: how they are kept.
template <class K> struct DecodeTile {
  Index first, count;
  const K* keys[contract::tile / detail::key_block];
  const K* values;
  Index value_step;                    // from one key's values to the next one's
  Wanted<K> keys_ahead, values_ahead;  // to be fetched meanwhile
};

/// value_dim, filled up to whole registers.
template <class T> RAPT_INLINE Index whole_registers(Index dim) { return detail::round_up(dim, Vec<T>::lanes); }

template <class T> RAPT_INLINE RowStates<T> take_rows(Carver& carver, Index dim) {
  RowStates<T> states{};
  states.m = carver.take<T>(few_rows);
  states.l = carver.take<T>(few_rows);
  states.o = carver.take<T>(few_rows * dim);
  return states;
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

/// What to fetch while a tile is worked on. (In a cache, a head's keys and values are one stretch of memory each.)
template <class Kv> RAPT_INLINE void look_ahead(DecodeTile<typename Kv::Stored>& tile, const Kv& kv, const Course& c) {
  constexpr Index block = detail::key_block;
  const Index bytes = kv.head_dim() * Index(sizeof(typename Kv::Stored));  // of a key; a value's are about as many
  const Index blocks = ahead_bytes / 2 / (bytes * block), distance = blocks > 1 ? blocks * block : block;
  const Spot soon = spot_of(c, tile.first + distance), later = spot_of(c, tile.first + 2 * distance);
  const typename Kv::Head soon_in = kv.head(soon.batch, soon.head), later_in = kv.head(later.batch, later.head);
  tile.keys_ahead = {soon_in.key(soon.position), later_in.key(later.position)};
  tile.values_ahead = {soon_in.value(soon.position), later_in.value(later.position)};
}

/// A tile of keys that are kept in blocks: everything is read in place.
template <class Kv>
RAPT_INLINE void find_decode_tile(DecodeTile<typename Kv::Stored>& tile, const Kv& kv, const Course& c) {
  const typename Kv::Head head = kv.head(c.batch, c.head);
  for (Index i = 0; i < contract::tile / detail::key_block; ++i) {
    const Index key = i * detail::key_block;
    tile.keys[i] = head.key(tile.first + (key < tile.count ? key : 0));
  }
  tile.values = head.value(tile.first);
  tile.value_step = kv.value_step();
}

/// A tile of keys that are kept in rows: they are put into blocks. Values are copied if their elements don't stand side
/// by side, or don't fill whole registers.
template <class Kv, class T>
RAPT_INLINE void copy_decode_tile(DecodeTile<T>& tile, const Kv& kv, const Course& c, const DecodeScratch<T>& s) {
  const Index value_dim = kv.value_dim(), dim = whole_registers<T>(value_dim), stride = kv.value_stride();
  const typename Kv::Head head = kv.head(c.batch, c.head);
  const T* rows[contract::tile];
  for (Index j = 0; j < contract::tile; ++j) rows[j] = head.key(tile.first + (j < tile.count ? j : 0));
  const Index step_ahead = tile.count == contract::tile ? kv.key_step() : 0;  // so that no address is out of reach
  block_keys(rows, tile.keys_ahead, step_ahead, kv.head_dim() == 1 ? 1 : kv.key_stride(), kv.head_dim(), s.keys);
  for (Index i = 0; i < contract::tile / detail::key_block; ++i)
    tile.keys[i] = s.keys + i * detail::key_block * kv.head_dim();
  tile.keys_ahead = {s.keys, s.keys};  // no more is wanted

  tile.values = head.value(tile.first);
  tile.value_step = kv.value_step();
  if (dim == value_dim && (stride == 1 || value_dim == 1)) return;
  for (Index j = 0; j < tile.count; ++j)
    for (Index d = 0; d < dim; ++d)
      s.values[j * dim + d] = d < value_dim ? tile.values[j * tile.value_step + d * stride] : T(0);
  tile.values = s.values;
  tile.value_step = dim;
}

template <class T> RAPT_NOINLINE void rescale_row(T* o, T factor, Index dim) {
  const Vec<T> by = broadcast(factor);
  for (Index d = 0; d < dim; d += Vec<T>::lanes) store(o + d, mul(load(o + d), by));
}

template <class T> RAPT_NOINLINE void clear_row(T* o, Index dim) {
  for (Index d = 0; d < dim; d += Vec<T>::lanes) store(o + d, broadcast(T(0)));
}

/// Which scores of rows [first, first + count) with a tile are attended, [row][tile], one word a score; and whether any
/// is.
template <class Word, class S>
RAPT_NOINLINE bool keeps_any(const S& score, const Rows& rows, Index first, Index count, Index first_key, Index keys,
                             Word* RAPT_RESTRICT keep) {
  Word any = 0;
  for (Index r = first; r < first + count; ++r, keep += contract::tile) {
    const std::int32_t head = rows.head[r], position = rows.position[r], row = position - rows.first_query;
    for (Index j = 0; j < keys; ++j) {
      const std::int32_t key = static_cast<std::int32_t>(first_key + j);
      keep[j] = detail::attends(score, Coord{rows.batch, head, position, key, row});
      any |= keep[j];
    }
    for (Index j = keys; j < contract::tile; ++j) keep[j] = 0;
  }
  return any != 0;
}

/// Rows [first, first + count) of a head go through a tile: with all scores, or with those that s.keep has. `Count` of
/// them are worked on: those that are not there repeat the last one's query, and what comes of them is not looked at.
template <int Count, class T, class S, class K>
RAPT_NOINLINE void attend_rows(const S& score, Rows& rows, Index first, Index count, bool all,
                               const DecodeTile<K>& tile, const DecodeScratch<T>& s, Index head_dim, Index dim) {
  constexpr Index tile_keys = contract::tile;
  T* const o = s.span.o + first * dim;
  const bool fresh = rows.fresh[first];
  score_rows<Count>(s.queries + first * head_dim, head_dim, tile.keys, tile.keys_ahead, s.scores);
  if constexpr (detail::Changes<S>)
    for (Index r = 0; r < count; ++r)
      change_row<T>(score,
                    {rows.batch, static_cast<std::int32_t>(tile.first), rows.first_query, rows.head[first + r],
                     rows.position[first + r]},
                    tile.count, s.scores + r * tile_keys);
  for (Index r = 0; r < Count; ++r)
    for (Index j = tile.count; j < tile_keys; ++j) s.scores[r * tile_keys + j] = -std::numeric_limits<T>::infinity();

  if (!all && fresh) clear_row(o, Count * dim);
  T *const m = s.span.m + first, *const l = s.span.l + first, factor[Count];
  if (all)
    soften_rows(s.scores, count, KeepAll<T>{}, m, l, factor);
  else
    soften_rows(s.scores, count, KeepSome<T>{s.keep}, m, l, factor);
  for (Index r = 0; r < count; ++r) {
    T* const scores = s.scores + r * tile_keys;
    if (factor[r] != T(1) && (!fresh || !all)) rescale_row(o + r * dim, factor[r], dim);
    if (!all)
      add_kept_values(scores, s.keep + r * tile_keys, tile.values, tile.value_step, tile.count, dim, o + r * dim);
  }
  if (all) add_row_values<Count>(s.scores, tile.values, tile.value_step, tile.values_ahead, tile.count, dim, fresh, o);
  for (Index r = 0; r < Count; ++r) rows.fresh[first + r] = false;
}

/// All rows go through one tile.
template <class T, class S, class Kv>
RAPT_NOINLINE void decode_tile(const detail::ForwardWork<T, S, Kv>& work, const Course& course, Rows& rows, Index key,
                               const DecodeScratch<T>& s) {
  using K = typename Kv::Stored;
  const Kv& kv = work.problem.kv;
  const Index head_dim = kv.head_dim(), dim = whole_registers<T>(kv.value_dim());
  DecodeTile<K> tile;
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
    const Coverage covers = detail::covers(work.score, box);
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
      attend_rows<rows_together>(work.score, rows, first, count, all, tile, s, head_dim, dim);
      continue;
    }
    DecodeScratch<T> of_row = s;
    for (Index r = 0; r < count; ++r, of_row.keep += contract::tile)
      attend_rows<1>(work.score, rows, first + r, 1, all, tile, of_row, head_dim, dim);
  }
}

RAPT_REGION_CLOSE

#endif
