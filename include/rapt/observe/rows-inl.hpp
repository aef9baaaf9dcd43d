// A group of rows goes through its keys: once for the logsumexps, if they aren't known, and once more for all else.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// What a group's rows have come to.
template <class T> struct Seen {
  T* entropy;  // [lanes]
  T* largest;  // [lanes]
  Top<T> top;
};

template <class T> RAPT_INLINE Seen<T> take_seen(Carver& carver, Index places) {
  Seen<T> seen{};
  seen.entropy = carver.take<T>(group_lanes<T>);
  seen.largest = carver.take<T>(group_lanes<T>);
  seen.top = take_top<T>(carver, places);
  return seen;
}

template <class T, class Keep>
RAPT_NOINLINE void soften_tile(Group<T>& g, const Scratch<T>& s, Index count, Keep keep) {
  if (g.span_empty) clear(g.span, g.registers, 0);
  g.span_empty = false;
  find_largest(g.registers, s.scores, count, keep, s.largest);
  soften(g.registers, s.scores, s.weights, count, keep, s.largest, g.span.m, g.span.l, s.factor);
}

/// The logsumexps of a group's rows, to where exponents are taken from: attention without values.
template <class T, class Kv>
RAPT_NOINLINE void find_logsumexps(const detail::ObserveWork<T, Kv>& work, const Place& at, const Watch<T>& w) {
  const Index length = work.call.problem.kv_len(at.batch);
  Group<T>& g = *w.group;
  Tile<T> tile;
  for (Index begin = 0; begin < length; begin += contract::span) {
    const Index end = length - begin < contract::span ? length : begin + contract::span;
    if (!reaches(work.call.score, &g, 1, begin, end)) continue;
    for (Index key = begin; key < end; key += contract::tile) {
      const Coverage covers = score_tile(work, at, key, w, tile);
      if (covers == Coverage::all) soften_tile(g, w.scratch, tile.count, KeepAll<T>{});
      if (covers == Coverage::some) soften_tile(g, w.scratch, tile.count, KeepSome<T>{w.scratch.keep});
    }
    close_span(g, 0);
  }
  if (g.total_empty) clear(g.total, g.registers, 0);
  if (work.call.score.sink != nullptr) take_sinks(work.call.score, g, 0);
  for (int i = 0; i < g.rows; ++i) w.reference[i] = detail::logsumexp(g.total.m[i], g.total.l[i]);
}

/// h takes in p · (logsumexp − score) for the attended keys, ascending; where p is 0, nothing.
template <class T, class Keep>
RAPT_NOINLINE void add_entropy(const T* reference, int registers, const T* scores, Index count, Keep keep, T* entropy) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  const Vec<T> zero = broadcast(T(0));
  for (int first = 0; first < registers * width; first += width) {
    const Vec<T> from = load(reference + first);
    Vec<T> h = load(entropy + first);
    for (Index j = 0; j < count; ++j) {
      const Index at = j * lanes + first;
      const Vec<T> y = exponent(load(scores + at), from), p = exp(y);
      h = keep.or_else(at, select(is_zero(p), h, fma(p, sub(zero, y), h)), h);
    }
    store(entropy + first, h);
  }
}

/// The largest attended score, or NaN if any is.
template <class T, class Keep>
RAPT_NOINLINE void find_most(int registers, const T* scores, Index count, Keep keep, T* largest) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (int first = 0; first < registers * width; first += width) {
    Vec<T> most = load(largest + first);
    for (Index j = 0; j < count; ++j) {
      const Index at = j * lanes + first;
      const Vec<T> score = load(scores + at);
      most = keep.or_else(at, select(is_nan(score), score, max(score, most)), most);
    }
    store(largest + first, most);
  }
}

/// `count` numbers of a row side by side to a caller's row. (NaN becomes the one that attention gives.)
template <class T> RAPT_INLINE void copy_row(const T* from, Index count, T* to, Index stride) {
  Index i = 0;
  for (; stride == 1 && i + Vec<T>::lanes <= count; i += Vec<T>::lanes) store(to + i, one_nan(load(from + i)));
  for (; i < count; ++i) to[i * stride] = ieee::one_nan(from[i]);
}

/// The scores or weights of keys [first, first + count) of a group's rows, to the caller's view: from [lane][key], or
/// if that is null, what stands for keys that are not attended.
template <class T>
RAPT_NOINLINE void show(const detail::ObserveWishes<T>& work, const Place& at, const Group<T>& g, Index first,
                        Index count, const T* turned) {
  const T outside = work.shown == detail::Shown::scores ? -std::numeric_limits<T>::infinity() : T(0);
  const Index group = work.group, stride = work.to.stride[3];
  for (int i = 0; i < g.rows; ++i) {
    T* const row = work.to.row(at.batch, g.head[i], (at.first_row + i) / group) + first * stride;
    if (turned != nullptr)
      copy_row(turned + i * contract::tile, count, row, stride);
    else
      for (Index j = 0; j < count; ++j) row[j * stride] = outside;
  }
}

/// A tile of scores, some of which may not be attended, is looked at for all that is asked; then it is no more needed.
template <class T, class Keep>
RAPT_NOINLINE void look_at_tile(const detail::ObserveWishes<T>& work, const Place& at, const Watch<T>& w,
                                const Tile<T>& tile, const Seen<T>& seen, Keep keep) {
  const Group<T>& g = *w.group;
  T* const scores = w.scratch.scores;
  const Observation<T>& into = work.into;
  if (into.largest.data != nullptr || into.largest_probability.data != nullptr)
    find_most(g.registers, scores, tile.count, keep, seen.largest);
  if (seen.top.places > 0) keep_largest(seen.top, g.registers, scores, tile.first, tile.count, keep);
  if (into.entropy.data != nullptr) add_entropy(w.reference, g.registers, scores, tile.count, keep, seen.entropy);
  if (work.shown == detail::Shown::nothing) return;
  if (work.shown == detail::Shown::probabilities)
    weigh_by(w.reference, g.registers, scores, tile.count, keep);
  else
    shut_out(g.registers, scores, tile.count, keep);
  turn_tile(g.registers, scores, w.turned);
  show(work, at, g, tile.first, tile.count, w.turned);
}

template <class T, class Kv>
RAPT_NOINLINE void look_at_keys(const detail::ObserveWork<T, Kv>& work, const Place& at, const Watch<T>& w,
                                const Seen<T>& seen) {
  const Index length = work.call.problem.kv_len(at.batch);
  const bool shows = work.shown != detail::Shown::nothing;
  Tile<T> tile;
  for (Index begin = 0; begin < length; begin += contract::span) {
    const Index end = length - begin < contract::span ? length : begin + contract::span;
    if (!reaches(work.call.score, w.group, 1, begin, end)) {
      if (shows) show(work, at, *w.group, begin, end - begin, static_cast<const T*>(nullptr));
      continue;
    }
    for (Index key = begin; key < end; key += contract::tile) {
      const Coverage covers = score_tile(work, at, key, w, tile);
      if (covers == Coverage::all)
        look_at_tile(work, at, w, tile, seen, KeepAll<T>{});
      else if (covers == Coverage::some)
        look_at_tile(work, at, w, tile, seen, KeepSome<T>{w.scratch.keep});
      else if (shows)
        show(work, at, *w.group, tile.first, tile.count, static_cast<const T*>(nullptr));
    }
  }
  if (shows) show(work, at, *w.group, length, work.to.dim() - length, static_cast<const T*>(nullptr));
}

/// The weight of one score.
template <class T> RAPT_NOINLINE T weight_of(T score, T reference) {
  T weight[Vec<T>::lanes];
  store(weight, exp(exponent(broadcast(score), broadcast(reference))));
  return ieee::one_nan(weight[0]);
}

template <class T>
RAPT_NOINLINE void write_top(const detail::ObserveWishes<T>& work, const Watch<T>& w, const Top<T>& top, int lane,
                             Index query) {
  const View<std::int32_t>& keys = work.into.top_keys;
  const View<T>& probabilities = work.into.top_probabilities;
  const Group<T>& g = *w.group;
  const Index head = g.head[lane], places = keys.data != nullptr ? keys.dim() : probabilities.dim();
  for (Index place = 0; place < places; ++place) {
    const Index at = place * group_lanes<T> + lane;
    const detail::Word<T> key = place < top.places ? std::bit_cast<detail::Word<T>>(top.keys[at]) : -1;
    if (keys.data != nullptr) keys(g.batch, head, query, place) = static_cast<std::int32_t>(key);
    if (probabilities.data != nullptr)
      probabilities(g.batch, head, query, place) = key < 0 ? T(0) : weight_of(top.scores[at], w.reference[lane]);
  }
}

/// What a group's rows have come to, to the caller's memory.
template <class T>
RAPT_NOINLINE void write_rows(const detail::ObserveWishes<T>& work, const Place& at, const Watch<T>& w,
                              const Seen<T>& seen) {
  const Observation<T>& into = work.into;
  const Group<T>& g = *w.group;
  for (int i = 0; i < g.rows; ++i) {
    const Index b = at.batch, h = g.head[i], query = (at.first_row + i) / work.group;
    if (into.entropy.data != nullptr) into.entropy(b, h, query) = ieee::one_nan(seen.entropy[i]);
    if (into.largest.data != nullptr) into.largest(b, h, query) = ieee::one_nan(seen.largest[i]);
    if (into.largest_probability.data != nullptr)
      into.largest_probability(b, h, query) = weight_of(seen.largest[i], w.reference[i]);
    if (into.top_keys.data != nullptr || into.top_probabilities.data != nullptr) write_top(work, w, seen.top, i, query);
  }
}

/// What exponents are taken from, for each lane; those without a row of their own repeat the last one's.
template <class T>
RAPT_NOINLINE void take_logsumexps(const detail::ObserveWishes<T>& work, const Place& at, const Watch<T>& w) {
  const Group<T>& g = *w.group;
  for (int i = 0; i < group_lanes<T>; ++i) {
    const int row = i < g.rows ? i : g.rows - 1;
    const bool known = work.lse.data != nullptr;
    w.reference[i] = known ? reference_of(work.lse(at.batch, g.head[row], (at.first_row + row) / work.group)) : T(0);
  }
}

template <class T, class Kv>
RAPT_NOINLINE void observe_rows(const detail::ObserveWork<T, Kv>& work, Index item, std::byte* memory) {
  const Leaving leaving;
  Carver carver{memory};
  const Watch<T> w = take_watch<T>(carver, work.call.problem.head_dim());
  const Seen<T> seen = take_seen<T>(carver, work.top);
  // Later blocks first, as attention: with a causal mask they have the most keys.
  const Place at = place_of_rows(work, item / work.blocks, work.blocks - 1 - item % work.blocks);
  fill_group(*w.group, work.call, at, at.first_row, at.rows, w.scratch.query_rows);
  if (work.find_lse) {
    find_logsumexps(work, at, w);
    for (int i = 0; i < w.group->rows; ++i)
      work.lse(at.batch, w.group->head[i], (at.first_row + i) / work.group) = w.reference[i];
  }
  if (!work.look) return;
  take_logsumexps(work, at, w);
  for (int i = 0; i < group_lanes<T>; ++i) {
    seen.entropy[i] = T(0);
    seen.largest[i] = -std::numeric_limits<T>::infinity();
  }
  clear(seen.top);
  look_at_keys(work, at, w, seen);
  write_rows(work, at, w, seen);
}

RAPT_REGION_CLOSE

#endif
