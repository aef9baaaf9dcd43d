// A range of keys is gone through by all rows, ascending: the mass that each key receives.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Whether any of a block's rows may attend to any of the keys [begin, end): asked before its queries are packed.
template <class T, class Kv>
RAPT_INLINE bool block_reaches(const detail::ObserveWork<T, Kv>& work, const Place& at, Index begin, Index end) {
  const detail::Problem<T, Kv>& p = work.call.problem;
  const Index group = p.group(), rows = at.rows < group_lanes<T> ? at.rows : Index(group_lanes<T>);
  const Index first = at.first_row / group, last = (at.first_row + rows - 1) / group, head = at.kv_head * group;
  const std::int32_t query = p.first_query(at.batch);
  const Box box{static_cast<std::int32_t>(at.batch),         static_cast<std::int32_t>(head),
                static_cast<std::int32_t>(head + group - 1), query + static_cast<std::int32_t>(first),
                query + static_cast<std::int32_t>(last),     static_cast<std::int32_t>(begin),
                static_cast<std::int32_t>(end - 1),          static_cast<std::int32_t>(first)};
  return work.call.score.covers(box) != Coverage::none;
}

/// Each row's weights, [lane][key], join the sums of its head, [head][key], one row after the other. (What stands
/// behind the keys' end joins sums that nobody reads.)
template <class T>
RAPT_NOINLINE void add_mass(const T* turned, int rows, Index first_row, Index group, Index range, T* sums) {
  for (int i = 0; i < rows; ++i) {
    T* const sum = sums + (first_row + i) % group * range;
    for (int key = 0; key < contract::tile; key += Vec<T>::lanes)
      store(sum + key, add(load(sum + key), load(turned + i * contract::tile + key)));
  }
}

template <class T, class Kv>
RAPT_NOINLINE void take_mass(const detail::ObserveWork<T, Kv>& work, const Place& at, Index begin, Index end,
                             const Watch<T>& w, T* sums) {
  fill_group(*w.group, work.call, at, at.first_row, at.rows, w.scratch.query_rows);
  take_logsumexps(work, at, w);
  const Group<T>& g = *w.group;
  Tile<T> tile;
  for (Index key = begin; key < end; key += contract::tile) {
    const Coverage covers = score_tile(work, at, key, w, tile);
    if (covers == Coverage::none) continue;
    if (covers == Coverage::all)
      weigh_by(w.reference, g.registers, w.scratch.scores, tile.count, KeepAll<T>{});
    else
      weigh_by(w.reference, g.registers, w.scratch.scores, tile.count, KeepSome<T>{w.scratch.keep});
    turn_tile(g.registers, w.scratch.scores, w.turned);
    add_mass(w.turned, g.rows, at.first_row, work.group, work.range, sums + (key - begin));
  }
}

template <class T, class Kv>
RAPT_NOINLINE void observe_keys(const detail::ObserveWork<T, Kv>& work, Index item, std::byte* memory) {
  const Leaving leaving;
  const detail::Problem<T, Kv>& p = work.call.problem;
  Carver carver{memory};
  const Watch<T> w = take_watch<T>(carver, p.head_dim());
  T* const sums = carver.take<T>(p.group() * work.range);
  for (Index i = 0; i < p.group() * work.range; ++i) sums[i] = T(0);
  // Earlier keys first: with a causal mask they have the most queries.
  const Index head = item % work.heads(), begin = item / work.heads() * work.range;
  const Cube<T>& mass = work.into.mass;
  const Index last = mass.length() - begin < work.range ? mass.length() : begin + work.range;
  Place at = place_of_rows(work, head, 0);
  const Index length = p.kv_len(at.batch), end = length < last ? length : last;
  for (Index block = 0; begin < end && block < work.blocks; ++block) {
    at = place_of_rows(work, head, block);
    if (block_reaches(work, at, begin, end)) take_mass(work, at, begin, end, w, sums);
  }
  for (Index h = 0; h < p.group(); ++h)
    for (Index key = begin; key < last; ++key)
      mass(at.batch, at.kv_head * p.group() + h, key) =
          key < end ? ieee::one_nan(sums[h * work.range + key - begin]) : T(0);
}

RAPT_REGION_CLOSE

#endif
