// Attention of few queries, as when decoding: the rows of a head go through its keys, tile by tile and span by span.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <class T> RAPT_NOINLINE void clear_rows(const RowStates<T>& s, Index count, Index dim) {
  for (Index r = 0; r < count; ++r) {
    s.m[r] = std::numeric_limits<T>::lowest();
    s.l[r] = T(0);
  }
  clear_row(s.o, count * dim);
}

/// a takes in b, whose keys come after a's.
template <class T> RAPT_NOINLINE void merge_rows(const RowStates<T>& a, const RowStates<T>& b, Index count, Index dim) {
  for (Index r = 0; r < count; ++r) {
    const Vec<T> ma = broadcast(a.m[r]), mb = broadcast(b.m[r]), m = max(ma, mb);
    const Vec<T> alpha = exp(sub(ma, m)), beta = exp(sub(mb, m));
    a.m[r] = lane_0(m);
    a.l[r] = lane_0(fma(broadcast(b.l[r]), beta, mul(broadcast(a.l[r]), alpha)));
    for (Index d = r * dim; d < (r + 1) * dim; d += Vec<T>::lanes) join(a.o + d, alpha, b.o + d, beta);
  }
}

/// The rows of a block, and their queries, turned if they are to be, and times `scale`. Those that fill up the last
/// `rows_together` repeat the last one.
template <class T, class Kv>
RAPT_NOINLINE void fill_rows(Rows& rows, const detail::ForwardWork<T, Kv>& work, const Place& at, T scale, T* queries) {
  const detail::Problem<T, Kv>& p = work.problem;
  const Index group = p.group(), dim = p.head_dim();
  const Index begin = p.q_at.begin(at.batch);
  rows.count = at.rows;
  rows.first = at.first_row;
  rows.batch = static_cast<std::int32_t>(at.batch);
  rows.first_head = static_cast<std::int32_t>(at.kv_head * group);
  rows.last_head = static_cast<std::int32_t>(rows.first_head + group - 1);
  rows.first_query = p.first_query(at.batch);
  for (Index r = 0; r < detail::round_up(at.rows, rows_together); ++r) {
    const Index row = at.first_row + (r < at.rows ? r : at.rows - 1);
    const Index position = row / group, head = rows.first_head + row % group;
    rows.head[r] = static_cast<std::int32_t>(head);
    rows.position[r] = static_cast<std::int32_t>(rows.first_query + position);
    const T* const query = reinterpret_cast<const T*>(p.q.row(at.batch, head, begin + position));
    T* const to = queries + r * dim;
    bring_query(work, at.batch, begin + position, rows.position[r], query, to);
    const bool brought = work.rotation.table != nullptr || work.access.load != nullptr;
    const T* const from = brought ? to : query;
    const Index stride = brought ? 1 : p.q.stride[3];
    for (Index d = 0; d < dim; ++d) to[d] = scale * from[d * stride];
  }
}

/// The queries of a block as integers: the scale comes after the scores' sums, with each row's unit. They are changed
/// first, as the keys are that they meet; `channels`: the head's scales, if it has any.
template <class T>
RAPT_NOINLINE void integer_queries(const detail::IntegerLoops& loops, const DecodeScratch<T>& s, Index rows,
                                   Index head_dim, Index block, T scale, bool hadamard, const float* channels) {
  for (Index d = head_dim; d < s.integers.count; ++d) s.number_row[d] = T(0);
  for (Index r = 0; r < detail::round_up(rows, rows_together); ++r) {
    for (Index d = 0; d < head_dim; ++d) s.number_row[d] = s.queries[r * head_dim + d];
    if (hadamard) detail::rotate_hadamard(s.number_row, head_dim);
    for (Index d = 0; channels != nullptr && d < head_dim; ++d) s.number_row[d] *= channels[d];
    loops.quantise(s.number_row, block, r, s.integers);
    s.integers.units[r] *= scale;
  }
}

/// As take_sinks.
template <class T>
RAPT_NOINLINE void take_row_sinks(const detail::Scoring<T>& score, const Rows& rows, const RowStates<T>& s, Index dim) {
  for (Index r = 0; r < rows.count; ++r) {
    const Vec<T> before = broadcast(s.m[r]),
                 logit = broadcast(static_cast<T>(score.sink(score.stage, rows.batch, rows.head[r])));
    const Vec<T> m = max(before, logit), factor = exp(sub(before, m));
    s.m[r] = lane_0(m);
    s.l[r] = lane_0(add_sink(broadcast(s.l[r]), factor, exp(sub(logit, m))));
    rescale_row(s.o + r * dim, lane_0(factor), dim);
  }
}

/// o · (1 / l) and the logsumexp of each row, to the caller's memory.
template <class T, class Kv>
RAPT_NOINLINE void finish_rows(const detail::ForwardWork<T, Kv>& work, const RowStates<T>& s, const Place& at,
                               Index dim) {
  constexpr int width = Vec<T>::lanes;
  const detail::Problem<T, Kv>& p = work.problem;
  const Index begin = p.out_at.begin(at.batch);
  for (Index r = 0; r < at.rows; ++r) {
    const Index row = at.first_row + r;
    const Index position = begin + row / p.group(), head = at.kv_head * p.group() + row % p.group();
    const Vec<T> l = broadcast(s.l[r]), zero = broadcast(ieee::zero<T>());
    const Vec<T> inverse = select(is_zero(l), zero, div(broadcast(T(1)), l));
    T* const o = s.o + r * dim;
    for (Index d = 0; d < p.value_dim(); d += width) store(o + d, one_nan(fma(load(o + d), inverse, zero)));
    std::byte* const to = p.out.row(at.batch, head, position);
    const Index stride = p.out.stride[3];
    if (work.access.write != nullptr)
      work.access.write(o, p.value_dim(), to, stride);
    else
      for (Index d = 0; d < p.value_dim(); ++d) reinterpret_cast<T*>(to)[d * stride] = o[d];
    if (p.lse.wanted()) p.lse(at.batch, head, position) = detail::logsumexp(s.m[r], s.l[r]);
  }
}

/// As take_carried and leave_carried.
template <class T>
RAPT_NOINLINE void take_carried_rows(const RowStates<T>& s, const View<const T>& from, const Rows& rows, Index group,
                                     Index dim, Index value_dim) {
  for (Index r = 0; r < rows.count; ++r) {
    const T* const state = from.row(rows.batch, rows.head[r], (rows.first + r) / group);
    s.m[r] = state[0];
    s.l[r] = state[1];
    for (Index d = 0; d < value_dim; ++d) s.o[r * dim + d] = state[2 + d];
  }
}
template <class T>
RAPT_NOINLINE void leave_carried_rows(const RowStates<T>& s, const View<T>& to, const Rows& rows, Index group,
                                      Index dim, Index value_dim) {
  for (Index r = 0; r < rows.count; ++r) {
    T* const state = to.row(rows.batch, rows.head[r], (rows.first + r) / group);
    state[0] = s.m[r];
    state[1] = s.l[r];
    for (Index d = 0; d < value_dim; ++d) state[2 + d] = s.o[r * dim + d];
  }
}

/// The place where a part keeps the state of a span of all its rows, for the part that ends last.
template <class T, class Kv>
RAPT_INLINE RowStates<T> kept_rows(const detail::ForwardWork<T, Kv>& work, const Place& at, Index span, Index dim) {
  const Index rows = at.cut->rows_together();
  T* const base = work.states + at.first_state + (at.number * at.cut->spans + span) * rows * (dim + 2);
  return {base, base + rows, base + 2 * rows};
}

/// Where the keys of an item end.
RAPT_INLINE Index end_of(const Place& at, Index length) {
  const Index end = at.last_span * contract::span;
  return end < length ? end : length;
}

/// The keys that an item goes through, and those of the item that its worker is likely to draw next: meanwhile the
/// others draw one each. Without one, the last tile again, which is there already.
template <class T, class Kv>
RAPT_INLINE Course course_of(const detail::ForwardWork<T, Kv>& work, Index item, const Place& at) {
  const Kv& kv = work.problem.kv;
  const Index end = end_of(at, kv.length(at.batch)), after = item + work.schedule.workers;
  const Course last{at.batch, at.kv_head, end, at.batch, at.kv_head, (end - 1) / contract::tile * contract::tile, end};
  if (after >= work.schedule.items()) return last;
  const Place next = place_of(work, after);
  const Index kept = kv.first(next.batch) / contract::tile * contract::tile, begin = next.first_span * contract::span;
  const Index next_end = end_of(next, kv.length(next.batch));
  if (next_end == 0) return last;  // a sequence without keys has no address
  return {at.batch, at.kv_head, end, next.batch, next.kv_head, begin < kept ? kept : begin, next_end};
}

template <class T, class Kv>
RAPT_NOINLINE void run_decode(const detail::ForwardWork<T, Kv>& work, Index item, const Place& at, std::byte* memory) {
  const detail::Problem<T, Kv>& p = work.problem;
  const Course course = course_of(work, item, at);
  const Index dim = whole_registers<T>(p.value_dim()), length = p.kv_len(at.batch);
  Carver carver{memory};
  using Key = typename Kv::StoredKey;
  const DecodeScratch<T> s = take_decode_scratch<T, Key, typename Kv::StoredValue>(carver, p.head_dim(), p.value_dim());
  Rows rows;
  fill_rows(rows, work, at, detail::is_packed<Key> ? T(1) : scale_for(p, at.kv_head), s.queries);
  if constexpr (detail::is_packed<Key>)
    integer_queries(work.integers, s, at.rows, p.head_dim(), detail::summed<typename Key::Format>, p.scale,
                    p.kv.key_change.hadamard, p.kv.key_change.channels(at.kv_head, p.head_dim()));
  clear_rows(s.total, at.rows, dim);
  if (work.carry.from.data != nullptr) take_carried_rows(s.total, work.carry.from, rows, p.group(), dim, p.value_dim());

  for (Index span = at.first_span; span < at.last_span; ++span) {
    const Index begin = span * contract::span;
    const Index end = length - begin < contract::span ? length : begin + contract::span;
    if (at.cut->parts == 1 && end <= p.kv.first(at.batch)) continue;
    clear_rows(s.span, few_rows, 0);
    for (bool& fresh : rows.fresh) fresh = true;
    for (Index key = begin; key < end; key += contract::tile) decode_tile(work, course, rows, key, s);
    for (Index r = 0; r < at.rows; ++r)
      if (rows.fresh[r]) clear_row(s.span.o + r * dim, dim);
    if constexpr (detail::has_scales<Kv>)
      for (Index r = 0; r < at.rows; ++r) rescale_row(s.span.o + r * dim, T(p.kv.value_scales[at.kv_head]), dim);
    if (at.cut->parts == 1) {
      merge_rows(s.total, s.span, at.rows, dim);
    } else {
      const RowStates<T> kept = kept_rows(work, at, span, dim);
      clear_rows(kept, at.rows, dim);
      merge_rows(kept, s.span, at.rows, dim);
    }
  }
  if (at.cut->parts > 1) {
    if (!ends_last(work, at)) return;
    for (Index span = 0; span < at.cut->spans; ++span)
      merge_rows(s.total, kept_rows(work, at, span, dim), at.rows, dim);
  }
  if (work.carry.to.data != nullptr)
    return leave_carried_rows(s.total, work.carry.to, rows, p.group(), dim, p.value_dim());
  if (work.score.sink != nullptr) take_row_sinks(work.score, rows, s.total, dim);
  finish_rows(work, s.total, at, dim);
}

RAPT_REGION_CLOSE

#endif
