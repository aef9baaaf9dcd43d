// Forward attention: a block of rows goes through its keys, tile by tile and span by span.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Where an item stands: a block of rows of one key/value head, and a range of its spans.
struct Place {
  const detail::Schedule* cut;  // how the batch is cut, or, if it is ragged, the sequence
  Index batch, kv_head, block;
  Index first_row, rows;
  Index first_span, last_span;
  Index number;                    // of the block, among all that are cut like it
  Index first_block, first_state;  // where those begin among all that are dealt into parts
};

/// Later blocks first: with a causal mask they have the most keys, and the short ones fill the gaps at the end.
/// The blocks of a head follow each other, so that its keys and values are still in the cache.
template <class T, class Kv> RAPT_NOINLINE Place place_of(const detail::ForwardWork<T, Kv>& work, Index item) {
  Place at{};
  at.cut = &work.schedule;
  if (work.cuts.count > 0) {
    const detail::Cut& cut = work.cuts.of_item(item);
    at.cut = &cut.schedule;
    at.batch = cut.batch;
    at.first_block = cut.first_block;
    at.first_state = cut.first_state;
    item -= cut.first_item;
  }
  const detail::Schedule& s = *at.cut;
  const Index part = item / s.turns % s.parts;
  const Index head = item / (s.turns * s.parts * s.blocks) * s.turns + item % s.turns;
  at.block = s.blocks - 1 - item / (s.turns * s.parts) % s.blocks;
  at.batch += head / work.problem.kv_heads();
  at.kv_head = head % work.problem.kv_heads();
  at.number = head * s.blocks + at.block;
  at.first_row = at.block * s.block_rows();
  at.rows = s.rows - at.first_row < s.block_rows() ? s.rows - at.first_row : s.block_rows();
  at.first_span = s.spans * part / s.parts;
  at.last_span = s.spans * (part + 1) / s.parts;
  return at;
}

/// Hands out memory piece by piece, each aligned to a cache line; from null it only counts.
struct Carver {
  std::byte* base;
  Index used = 0;
  template <class U> U* take(Index count) {
    U* piece = base == nullptr ? nullptr : reinterpret_cast<U*>(base + used);
    used += detail::round_up(count * static_cast<Index>(sizeof(U)), 64);
    return piece;
  }
};

template <class T> RAPT_INLINE State<T> take_state(Carver& carver, Index value_dim) {
  constexpr int lanes = group_lanes<T>;
  State<T> s{};
  s.m = carver.take<T>(lanes);
  s.l = carver.take<T>(lanes);
  s.o = carver.take<T>(value_dim * lanes);
  s.stride = lanes;
  return s;
}

template <class T, class E> RAPT_INLINE Scratch<T, E> take_scratch(Carver& carver, Index head_dim, Index value_dim) {
  constexpr int lanes = group_lanes<T>;
  Scratch<T, E> s{};
  s.scores = carver.take<T>(contract::tile * lanes);
  s.keep = carver.take<detail::Word<T>>(contract::tile * lanes);
  s.largest = carver.take<T>(lanes);
  s.factor = carver.take<T>(lanes);
  s.keys = carver.take<E>(contract::tile * elements_of<E>(head_dim));
  s.values = carver.take<E>(contract::tile / depth<E> * value_dim);
  if constexpr (depth<E> == 1) {
    s.weights = s.scores;
    s.query_rows = s.keys;
    s.output_rows = s.values;
  } else {
    s.weights = carver.take<E>(contract::tile / depth<E> * lanes);
    s.query_rows = s.output_rows = carver.take<T>(contract::tile * (head_dim > value_dim ? head_dim : value_dim));
  }
  return s;
}

template <class T, class E>
RAPT_INLINE Group<T, E>* take_groups(Carver& carver, Index groups, Index head_dim, Index value_dim) {
  Group<T, E>* g = carver.take<Group<T, E>>(groups);
  for (Index i = 0; i < groups; ++i) {
    E* queries = carver.take<E>(elements_of<E>(head_dim) * group_lanes<T>);
    const State<T> span = take_state<T>(carver, value_dim), total = take_state<T>(carver, value_dim);
    if (g == nullptr) continue;
    g[i].queries = queries;
    g[i].span = span;
    g[i].total = total;
  }
  return g;
}

/// A query as T, side by side, and turned if it is to be.
template <class T, class Kv>
RAPT_INLINE void bring_query(const detail::ForwardWork<T, Kv>& work, Index batch, Index place, Index position,
                             const T* query, T* to) {
  const Index dim = work.problem.head_dim();
  Index stride = work.problem.q.stride[3];
  if (work.access.load != nullptr) {
    work.access.load(reinterpret_cast<const std::byte*>(query), stride, dim, to);
    query = to;
    stride = 1;
  }
  if (work.rotation.table != nullptr) work.rotation.turn(batch, place, position, dim, query, stride, to);
}

/// What queries are multiplied with that meet the keys of a head.
template <class T, class Kv> RAPT_INLINE T scale_for(const detail::Problem<T, Kv>& p, Index kv_head) {
  if constexpr (detail::has_scales<Kv>)
    return p.scale * p.kv.key_scales[kv_head];
  else
    return p.scale;
}

/// Goes through rows: the heads of a group, position by position. (To divide a row's number takes longer.)
struct RowWalk {
  Index position, head, group;
  RAPT_INLINE void advance() {
    if (++head < group) return;
    head = 0;
    ++position;
  }
};
RAPT_INLINE RowWalk walk_from(Index row, Index group) { return {row / group, row % group, group}; }

/// What is wanted while a group is at its last tile: the queries of the same group of the item that is likely to come
/// next, and the rows that this one's outputs go to. `next` may be the item itself.
template <class T, class E, class Kv>
RAPT_NOINLINE void want_next(Group<T, E>& g, const detail::Problem<T, Kv>& p, const Place& next, Index first_row) {
  constexpr int lanes = group_lanes<T>;
  const Index group = p.group(), begin = p.q_at.begin(next.batch), last = next.rows - 1;
  const Index first = first_row < last ? first_row : last;
  RowWalk walk = walk_from(next.first_row + first, group);
  const std::byte* address = nullptr;
  for (int j = 0; j < contract::tile; ++j) {
    if (j < lanes && first + j <= last) {
      address = reinterpret_cast<const std::byte*>(
          p.q.row(next.batch, next.kv_head * group + walk.head, begin + walk.position));
      walk.advance();
    }
    g.after.keys[j] = address;
    g.after.values[j] = reinterpret_cast<const std::byte*>(g.output[j % lanes]);
  }
}

/// Brings a group's queries into `rows` [lanes][head_dim], as T, and turned if they are to be; `query` points there
/// afterwards.
template <class T, class E, class Kv>
RAPT_NOINLINE void bring_queries(const Group<T, E>& g, const detail::ForwardWork<T, Kv>& work, Index first_row,
                                 const T** query, T* rows) {
  const detail::Problem<T, Kv>& p = work.problem;
  static_assert(group_lanes<T> <= contract::tile, "queries are brought where a tile's keys are copied to later");
  for (int i = 0; i < group_lanes<T>; ++i) {
    T* const to = rows + (i < g.rows ? i : g.rows - 1) * p.head_dim();
    if (i < g.rows)
      bring_query(work, g.batch, p.q_at.begin(g.batch) + (first_row + i) / p.group(), g.position[i], query[i], to);
    query[i] = to;
  }
}

/// Fills a group with rows from `first_row` on, and packs their queries, by way of `rows` [lanes][head_dim] if they are
/// to be turned or converted.
template <class T, class E, class Kv>
RAPT_NOINLINE void fill_group(Group<T, E>& g, const detail::ForwardWork<T, Kv>& work, const Place& at, Index first_row,
                              Index rows, T* brought) {
  const detail::Problem<T, Kv>& p = work.problem;
  constexpr int lanes = group_lanes<T>, width = Vec<T>::lanes;
  g.rows = static_cast<int>(rows < lanes ? rows : lanes);
  g.registers = working_registers((g.rows + width - 1) / width);
  g.batch = static_cast<std::int32_t>(at.batch);
  g.first_head = static_cast<std::int32_t>(at.kv_head * p.group());
  g.last_head = static_cast<std::int32_t>(g.first_head + p.group() - 1);
  g.first_query = p.first_query(at.batch);
  g.span_empty = g.total_empty = true;
  const T* query[lanes];
  const Index q_begin = p.q_at.begin(at.batch), out_begin = p.out_at.begin(at.batch);
  RowWalk walk = walk_from(first_row, p.group());
  for (int i = 0; i < lanes; ++i) {
    const Index head = g.first_head + walk.head;
    g.head[i] = static_cast<std::int32_t>(head);
    g.position[i] = static_cast<std::int32_t>(g.first_query + walk.position);
    g.output[i] = p.out.row(at.batch, head, out_begin + walk.position);
    query[i] = reinterpret_cast<const T*>(p.q.row(at.batch, head, q_begin + walk.position));
    if (i + 1 < g.rows) walk.advance();
  }
  Index stride = p.q.stride[3];
  if (work.rotation.table != nullptr || work.access.load != nullptr) {
    bring_queries(g, work, first_row, query, brought);
    stride = 1;
  }
  if constexpr (depth<E> == 1)
    pack_queries(query, stride, p.head_dim(), scale_for(p, at.kv_head), lanes, g.registers * width, g.queries);
  else
    pack_query_pairs(query, stride, p.head_dim(), lanes, g.registers * width, g.queries);
}

/// Asks for the first tile of an item, as no tile before it has done so.
template <class T, class Kv> RAPT_NOINLINE void fetch_first_tile(const detail::Problem<T, Kv>& p, const Place& at) {
  const typename Kv::Head head = p.kv.head(at.batch, at.kv_head);
  const Index first = at.first_span * contract::span, kept = p.kv.first(at.batch), length = p.kv_len(at.batch);
  const Index begin = first < kept ? kept : first;
  const Index end = length - begin < contract::tile ? length : begin + contract::tile;
  constexpr Index line = 64 / sizeof(typename Kv::StoredKey);
  for (Index key = begin; key < end; ++key) {
    const Index inside = Kv::blocked ? key % detail::key_block : 0;
    for (Index d = 0; d < p.head_dim(); d += line) prefetch(head.key(key - inside) + inside * p.head_dim() + d);
  }
}

/// The item that a worker is likely to draw next: meanwhile the others draw one each.
template <class T, class Kv>
RAPT_INLINE Place likely_next(const detail::ForwardWork<T, Kv>& work, Index item, const Place& at) {
  const Index after = item + work.schedule.workers;
  return after < work.schedule.items() ? place_of(work, after) : at;
}

template <class T, class E, class Kv>
RAPT_NOINLINE void find_tile(Tile<E>& tile, const Kv& kv, const Place& at, const Scratch<T, E>& s) {
  const typename Kv::Head head = kv.head(at.batch, at.kv_head);
  find_keys(kv, head, s.keys, tile);
  find_values(kv, head, s.values, tile);
  find_next(kv, head, kv.length(at.batch), tile, tile.next);
}

/// What a group asks for while it is at a tile: the one after it; or, if that is short or there is none, what the group
/// wants at its end, as a stretch is asked for along with each key, and a short tile has too few.
template <class T, class E>
RAPT_INLINE const AheadRows& ahead_of(const Group<T, E>& g, const Tile<E>& tile, Index following, AheadRows& mixed) {
  if (following <= 0) return g.after;
  if (following >= contract::tile) return tile.next;
  for (Index j = 0; j < contract::tile; ++j) {
    mixed.keys[j] = j < following ? tile.next.keys[j] : g.after.keys[j];
    mixed.values[j] = j < following ? tile.next.values[j] : g.after.values[j];
  }
  return mixed;
}

/// The groups of a block go through one tile of keys.
template <class T, class E, class Kv>
RAPT_NOINLINE void attend_tile(const detail::ForwardWork<T, Kv>& work, const Place& at, Group<T, E>* groups,
                               Index count, Index first_key, const Scratch<T, E>& s) {
  const detail::Problem<T, Kv>& p = work.problem;
  const Index left = p.kv_len(at.batch) - first_key;
  Tile<E> tile;
  tile.first = first_key;
  tile.count = left < contract::tile ? left : contract::tile;
  bool found = false;
  for (Index i = 0; i < count; ++i) {
    Group<T, E>& g = groups[i];
    const Coverage covers = work.score.covers(box_of(g, 0, g.registers, first_key, tile.count));
    if (covers == Coverage::none) continue;
    if (!found) find_tile(tile, p.kv, at, s);
    found = true;
    const bool last = left <= contract::tile ||
                      work.score.covers(box_of(g, 0, g.registers, first_key + contract::tile, 1)) == Coverage::none;
    AheadRows mixed;
    const AheadRows& ahead = ahead_of(g, tile, last ? 0 : left - contract::tile, mixed);
    if (covers == Coverage::all)
      attend_full(work.score, g, tile, ahead, s, p.head_dim(), p.value_dim(), p.scale);
    else
      attend_some(work.score, g, tile, ahead, s, p.head_dim(), p.value_dim(), p.scale);
  }
}

/// Whether any group may attend to any of the keys [begin, end). (Of a long sequence, most spans are out of a window's
/// or a document's reach: better to ask once than for each of their tiles.)
template <class T, class E>
RAPT_INLINE bool reaches(const detail::Scoring<T>& score, const Group<T, E>* groups, Index count, Index begin,
                         Index end) {
  for (Index i = 0; i < count; ++i)
    if (score.covers(box_of(groups[i], 0, groups[i].registers, begin, end - begin)) != Coverage::none) return true;
  return false;
}

/// The outputs of a span of values that are times a scale.
template <class T, class E> RAPT_NOINLINE void scale_span(Group<T, E>& g, T scale, Index value_dim) {
  T scales[group_lanes<T>];
  for (T& s : scales) s = scale;
  if (!g.span_empty && scale != T(1)) rescale<T>(g.span, scales, g.registers, value_dim);
}

/// The total takes in the span that has ended.
template <class T, class E> RAPT_NOINLINE void close_span(Group<T, E>& g, Index value_dim) {
  if (g.span_empty) return;
  if (g.total_empty) {
    const State<T> spare = g.total;
    g.total = g.span;
    g.span = spare;
    g.total_empty = false;
  } else {
    merge(g.total, g.span, g.registers, value_dim);
  }
  g.span_empty = true;
}

/// A row's sum of weights takes in a sink's. (Its product is an fma with 0, as a compiler may fuse one
/// that is added to something, and then it isn't rounded.)
template <class T> RAPT_INLINE Vec<T> add_sink(Vec<T> sum, Vec<T> factor, Vec<T> weight) {
  return add(weight, fma(sum, factor, broadcast(ieee::zero<T>())));
}

/// The rows' totals take in a logit each that has no key: it joins the sum of weights and nothing else.
template <class T, class E>
RAPT_NOINLINE void take_sinks(const detail::Scoring<T>& score, Group<T, E>& g, Index value_dim) {
  constexpr int width = Vec<T>::lanes;
  T sink[group_lanes<T>], alpha[group_lanes<T>];
  for (int i = 0; i < group_lanes<T>; ++i) sink[i] = static_cast<T>(score.sink(score.stage, g.batch, g.head[i]));
  for (int at = 0; at < g.registers * width; at += width) {
    const Vec<T> before = load(g.total.m + at), logit = load(sink + at), m = max(before, logit);
    const Vec<T> factor = exp(sub(before, m));
    store(alpha + at, factor);
    store(g.total.m + at, m);
    store(g.total.l + at, add_sink(load(g.total.l + at), factor, exp(sub(logit, m))));
  }
  rescale<T>(g.total, alpha, g.registers, value_dim);
}

/// Output and logsumexp of a group, to the caller's memory; by way of `rows` [lanes][value_dim] if it isn't kept as T.
template <class T, class E, class Kv>
RAPT_NOINLINE void finish(const detail::ForwardWork<T, Kv>& work, Group<T, E>& g, const Place& at, Index first_row,
                          T* rows) {
  const detail::Problem<T, Kv>& p = work.problem;
  const detail::Scoring<T>& score = work.score;
  if (g.total_empty) clear(g.total, g.registers, p.value_dim());
  if (score.sink != nullptr) take_sinks(score, g, p.value_dim());
  const Index begin = p.out_at.begin(at.batch);
  for (int i = 0; i < g.rows && p.lse.wanted(); ++i)
    p.lse(at.batch, g.head[i], begin + (first_row + i) / p.group()) = detail::logsumexp(g.total.m[i], g.total.l[i]);
  if (work.access.write == nullptr) return write_output(g.total, g.rows, p.value_dim(), g.output, p.out.stride[3]);
  std::byte* row[group_lanes<T>];
  for (int i = 0; i < group_lanes<T>; ++i) row[i] = reinterpret_cast<std::byte*>(rows + i * p.value_dim());
  write_output(g.total, g.rows, p.value_dim(), row, 1);
  for (int i = 0; i < g.rows; ++i)
    work.access.write(rows + i * p.value_dim(), p.value_dim(), g.output[i], p.out.stride[3]);
}

/// Rows of a block's state when it is kept, as many as the kernel works on. (A block that is dealt into parts is one
/// group.)
template <class T> constexpr Index kept_state_rows(const detail::Schedule& s) {
  const Index rows = s.rows < s.lanes ? s.rows : s.lanes;
  return working_registers(static_cast<int>(detail::ceil_div(rows, Vec<T>::lanes))) * Vec<T>::lanes;
}

/// The place where a part of a block keeps the state of a span, for the part that ends last.
template <class T, class Kv>
RAPT_INLINE State<T> kept_state(const detail::ForwardWork<T, Kv>& work, const Place& at, Index span) {
  const Index rows = kept_state_rows<T>(*at.cut);
  T* base = work.states + at.first_state;
  base += (at.number * at.cut->spans + span) * rows * (work.problem.value_dim() + 2);
  return {base, base + rows, base + 2 * rows, rows};
}

template <class T, class E, class Kv>
RAPT_NOINLINE void keep_span(const detail::ForwardWork<T, Kv>& work, const Place& at, Group<T, E>& g, Index span) {
  if (g.span_empty) clear(g.span, g.registers, work.problem.value_dim());
  copy(kept_state(work, at, span), g.span, g.registers, work.problem.value_dim());
  g.span_empty = true;
}

/// Whether the part that ends with this call is the last one of its block.
template <class T, class Kv> RAPT_INLINE bool ends_last(const detail::ForwardWork<T, Kv>& work, const Place& at) {
  return std::atomic_ref<std::int32_t>(work.pending[at.first_block + at.number]).fetch_sub(1) == 1;
}

/// A group's totals begin with the states that another call has left of its rows.
template <class T, class E>
RAPT_NOINLINE void take_carried(Group<T, E>& g, const View<const T>& from, Index group, Index first_row,
                                Index value_dim) {
  for (int i = 0; i < group_lanes<T>; ++i) {
    const Index row = first_row + (i < g.rows ? i : g.rows - 1);
    const T* const state = from.row(g.batch, g.head[i], row / group);
    g.total.m[i] = state[0];
    g.total.l[i] = state[1];
    for (Index d = 0; d < value_dim; ++d) g.total.o[d * g.total.stride + i] = state[2 + d];
  }
  g.total_empty = false;
}

/// And leaves them to the next one.
template <class T, class E>
RAPT_NOINLINE void leave_carried(const Group<T, E>& g, const View<T>& to, Index group, Index first_row,
                                 Index value_dim) {
  if (g.total_empty) clear(g.total, g.registers, value_dim);
  for (int i = 0; i < g.rows; ++i) {
    T* const state = to.row(g.batch, g.head[i], (first_row + i) / group);
    state[0] = g.total.m[i];
    state[1] = g.total.l[i];
    for (Index d = 0; d < value_dim; ++d) state[2 + d] = g.total.o[d * g.total.stride + i];
  }
}

/// Whoever ends a block's last part merges the states of all its spans, in ascending order.
template <class T, class E, class Kv>
RAPT_NOINLINE bool merge_parts(const detail::ForwardWork<T, Kv>& work, const Place& at, Group<T, E>& g) {
  if (!ends_last(work, at)) return false;
  if (g.total_empty) clear(g.total, g.registers, work.problem.value_dim());
  for (Index span = 0; span < at.cut->spans; ++span)
    merge(g.total, kept_state(work, at, span), g.registers, work.problem.value_dim());
  g.total_empty = false;
  return true;
}

template <class T, class E, class Kv>
RAPT_NOINLINE void run_forward(const detail::ForwardWork<T, Kv>& work, Index item, const Place& at, std::byte* memory) {
  const detail::Problem<T, Kv>& p = work.problem;
  Carver carver{memory};
  const Scratch<T, E> scratch = take_scratch<T, E>(carver, p.head_dim(), p.value_dim());
  Group<T, E>* groups = take_groups<T, E>(carver, work.schedule.groups, p.head_dim(), p.value_dim());
  const Index lanes = group_lanes<T>, count = detail::ceil_div(at.rows, lanes);
  const Place next = likely_next(work, item, at);
  fetch_first_tile(p, at);
  for (Index i = 0; i < count; ++i) {
    fill_group(groups[i], work, at, at.first_row + i * lanes, at.rows - i * lanes, scratch.query_rows);
    want_next(groups[i], p, next, i * lanes);
    if (work.carry.from.data != nullptr)
      take_carried(groups[i], work.carry.from, p.group(), at.first_row + i * lanes, p.value_dim());
  }

  for (Index span = at.first_span; span < at.last_span; ++span) {
    const Index begin = span * contract::span;
    const Index length = p.kv_len(at.batch), end = length - begin < contract::span ? length : begin + contract::span;
    if (at.cut->parts == 1 && end <= p.kv.first(at.batch)) continue;
    if (reaches(work.score, groups, count, begin, end))
      for (Index key = begin; key < end; key += contract::tile) attend_tile(work, at, groups, count, key, scratch);
    for (Index i = 0; i < count; ++i) {
      if constexpr (detail::has_scales<Kv>) scale_span(groups[i], p.kv.value_scales[at.kv_head], p.value_dim());
      if (at.cut->parts == 1)
        close_span(groups[i], p.value_dim());
      else
        keep_span(work, at, groups[i], span);
    }
  }
  if (at.cut->parts > 1 && !merge_parts(work, at, groups[0])) return;
  for (Index i = 0; i < count; ++i) {
    if (work.carry.to.data != nullptr)
      leave_carried(groups[i], work.carry.to, p.group(), at.first_row + i * lanes, p.value_dim());
    else
      finish(work, groups[i], at, at.first_row + i * lanes, scratch.output_rows);
  }
}

RAPT_REGION_CLOSE

#endif
