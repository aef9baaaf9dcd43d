// A tile of scores as attention has it, and the softmax's weights by a row's logsumexp.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Memory of one worker: what attention works in, less values and outputs, and a tile turned to [lane][key].
template <class T> struct Watch {
  Scratch<T> scratch;
  Group<T>* group;
  T* reference;  // [lanes]: what exponents are taken from: the logsumexp
  T* turned;     // [lanes][tile]
};

template <class T> RAPT_INLINE Watch<T> take_watch(Carver& carver, Index head_dim) {
  Watch<T> w{};
  w.scratch = take_scratch<T, T>(carver, head_dim, 0);
  w.group = take_groups<T, T>(carver, 1, head_dim, 0);
  w.reference = carver.take<T>(group_lanes<T>);
  w.turned = carver.take<T>(group_lanes<T> * contract::tile);
  return w;
}

/// Where the rows of block `block` of a key/value head stand.
template <class T, class Kv>
RAPT_INLINE Place place_of_rows(const detail::ObserveWork<T, Kv>& work, Index head, Index block) {
  const detail::Problem<T, Kv>& p = work.call.problem;
  Place at{};
  at.batch = head / p.kv_heads();
  at.kv_head = head % p.kv_heads();
  at.block = block;
  at.first_row = block * group_lanes<T>;
  at.rows = p.group() * p.q_len(at.batch) - at.first_row;
  return at;
}

/// What is wanted while a tile is worked on: the keys of the one after it, if there is one.
template <class T, class Kv>
RAPT_NOINLINE void find_next_keys(const Kv& kv, const typename Kv::Head& head, Index length, const Tile<T>& tile,
                                  const std::byte** next) {
  for (Index j = 0; j < contract::tile; ++j) {
    const Index after = tile.first + contract::tile + j, key = after < length ? after : tile.first;
    const Index inside = Kv::blocked ? key % detail::key_block : 0;
    next[j] = reinterpret_cast<const std::byte*>(head.key(key - inside) + inside * kv.head_dim());
  }
}

/// The scores of a group of rows with the tile that begins at `first_key`, changed, to scratch.scores [key][lane], and
/// if only some are attended, which, to scratch.keep. The places of a short tile that have no key hold −∞.
template <class T, class Kv>
RAPT_NOINLINE Coverage score_tile(const detail::ObserveWork<T, Kv>& work, const Place& at, Index first_key,
                                  const Watch<T>& w, Tile<T>& tile) {
  const detail::Problem<T, Kv>& p = work.call.problem;
  const detail::Scoring<T>& score = work.call.score;
  const Scratch<T>& s = w.scratch;
  const Group<T>& g = *w.group;
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  const Index left = p.kv_len(at.batch) - first_key;
  tile.first = first_key;
  tile.count = left < contract::tile ? left : contract::tile;
  const Box box = box_of(g, 0, g.registers, first_key, tile.count);
  Coverage covers = score.covers(box);
  if (covers == Coverage::some) covers = score.keep_lanes(score.stage, coords_of(g, tile), box, tile.count, s.keep);
  if (covers == Coverage::none) return covers;

  const typename Kv::Head head = p.kv.head(at.batch, at.kv_head);
  find_keys(p.kv, head, s.keys, tile);
  find_next_keys(p.kv, head, p.kv_len(at.batch), tile, tile.next.keys);
  const Ahead ahead{tile.next.keys, tile.next.keys};
  if (covers == Coverage::all) {
    score_keys(g.registers, g.queries, tile.keys(), ahead, tile.count, p.head_dim(), p.scale, s.scores, s.largest);
  } else {
    if (score.change_lanes != nullptr) clear_scores(s.scores, tile.count);  // those that no strip computes
    for (Index key = 0; key < tile.count; key += strip_keys) {
      const Strip strip = find_strip(score, g, tile, key);
      if (strip.first >= strip.last) continue;
      score_keys(strip.last - strip.first, g.queries + strip.first * width, tile.keys().from(key), ahead.from(key),
                 strip.keys, p.head_dim(), p.scale, s.scores + key * lanes + strip.first * width, s.largest);
    }
  }
  if (score.change_lanes != nullptr) change_tile(score, g, tile, s.scores);
  fill_up(s.scores, tile.count, contract::tile);
  return covers;
}

/// The exponent of a weight: no more than 0, which only the logsumexp's rounding could make it.
template <class T> RAPT_INLINE Vec<T> exponent(Vec<T> score, Vec<T> reference) {
  const Vec<T> y = sub(score, reference), zero = broadcast(T(0));
  return select(greater(y, zero), zero, y);
}

/// The scores of `count` keys become weights, in place; 0 where not attended.
template <class T, class Keep>
RAPT_NOINLINE void weigh_by(const T* reference, int registers, T* scores, Index count, Keep keep) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (int first = 0; first < registers * width; first += width) {
    const Vec<T> from = load(reference + first);
    for (Index j = 0; j < count; ++j) {
      const Index at = j * lanes + first;
      store(scores + at, keep.or_else(at, exp(exponent(load(scores + at), from)), broadcast(T(0))));
    }
  }
}

/// Scores that are not attended become −∞.
template <class T> RAPT_INLINE void shut_out(int, T*, Index, KeepAll<T>) {}
template <class T> RAPT_NOINLINE void shut_out(int registers, T* scores, Index count, KeepSome<T> keep) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j)
    for (Index at = j * lanes; at < j * lanes + registers * width; at += width)
      store(scores + at, keep.or_else(at, load(scores + at), broadcast(-std::numeric_limits<T>::infinity())));
}

/// A tile [key][lane] to [lane][key].
template <class T> RAPT_NOINLINE void turn_tile(int registers, const T* scores, T* turned) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (int lane = 0; lane < registers * width; lane += width)
    for (int key = 0; key < contract::tile; key += width) {
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) square[i] = load(scores + (key + i) * lanes + lane);
      transpose<T>(square);
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) store(turned + (lane + i) * contract::tile + key, square[i]);
    }
}

/// What a row's exponents are taken from: its logsumexp; where that is −∞, no key has a weight, not even one whose
/// score is −∞ too.
template <class T> RAPT_INLINE T reference_of(T lse) {
  return lse == -std::numeric_limits<T>::infinity() ? std::numeric_limits<T>::max() : lse;
}

RAPT_REGION_CLOSE

#endif
