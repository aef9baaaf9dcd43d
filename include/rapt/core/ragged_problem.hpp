// The validated problem of a ragged batch.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <optional>

#include "rapt/core/error.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Where sequences are said to stand, in a view of so many entries and positions.
inline void check_sequences(const Placement& s, Index batch, Index length, const char* name) {
  const Index count = s.at.size();
  if (s.kind == Placement::Kind::whole) return;
  if (!s.is_packed()) {
    const bool left = s.kind == Placement::Kind::padded_left;
    const char* const what = left ? "first position " : "length ";
    if (count != batch)
      fail(name, {"has ", count, left ? " first positions" : " lengths"}, {"it has to have ", batch, ", its batch"});
    for (Index b = 0; b < count; ++b)
      if (s.at[b] < 0 || s.at[b] > length)
        fail(name, {what, b, " is ", s.at[b]}, {"it has to be from 0 to ", length, ", the view's length"});
    return;
  }
  require(batch == 1, name, "batch", batch, "it has to be 1, as its sequences are packed one after the other");
  require(count >= 1 && count <= max_length, name, "the number of offsets", count,
          "it has to be that of the sequences and 1, and at most 2^30");
  if (s.at[0] != 0) fail(name, {"offset 0 is ", s.at[0]}, "it has to be 0");
  for (Index b = 1; b < count; ++b)
    if (s.at[b] < s.at[b - 1])
      fail(name, {"offset ", b, " is ", s.at[b]}, {"it has to be ", s.at[b - 1], " or more, as the one before it"});
  if (s.at[count - 1] > length)  // what is behind it belongs to nobody
    fail(name, {"offset ", count - 1, ", the last one, is ", s.at[count - 1]},
         {"it has to be at most ", length, ", the view's length"});
}

/// Two arguments have the same sequences, wherever they keep them.
inline void check_same_sequences(const Placement& s, Index batch, Index length, const char* name,
                                 const Placement& other, Index other_length, const char* like) {
  for (Index b = 0; b < s.count(batch); ++b)
    if (s.length(b, length) != other.length(b, other_length))
      fail(name, {"the length of sequence ", b, " is ", s.length(b, length)},
           {"it has to be ", other.length(b, other_length), ", as in ", like});
}
template <class T, class U>
void check_same_sequences(const Ragged<T>& r, const char* name, const Ragged<U>& other, const char* like) {
  check_same(name, "the number of sequences", r.count(), other.count(), like);
  check_same_sequences(r.placement, r.view.batch(), r.view.length(), name, other.placement, other.view.length(), like);
}
template <class T> void check_sequences(const Ragged<T>& r, const char* name) {
  check_sequences(r.placement, r.view.batch(), r.view.length(), name);
}

/// The logsumexp stands where the outputs do, in the whole view.
template <class T> void check_ragged_lse(const LogSumExp<T>& lse, const AnyInput& out) {
  if (!lse.wanted()) return;
  check_same("lse", "batch", lse.extent[0], out.batch(), "out");
  check_same("lse", "the number of heads", lse.extent[1], out.heads(), "out");
  check_same("lse", "length", lse.extent[2], out.length(), "out");
  check_pointer(lse.data, "lse");
}

/// `p`, of whole views, becomes one of their sequences, once that is checked which is about the views.
template <class T, class Kv, class Q, class O>
Problem<T, Kv> of_sequences(Problem<T, Kv> p, const Ragged<Q>& q, const Ragged<O>& out) {
  for (Index b = 0; b < q.count(); ++b) check_align(p.align, q.length(b), p.kv_len(b));
  check_written(p.out, p.lse);
  check_apart(p.out, p.lse, q.view, "q");
  const Written written{footprint(p.out), footprint(p.lse)};
  written.check_apart(footprint(q.placement.at), "the numbers that say where q's sequences stand");
  written.check_apart(footprint(out.placement.at), "the numbers that say where out's sequences stand");
  p.q = by_sequence(q);
  p.out = by_sequence(out);
  p.q_at = q.placement;
  p.out_at = out.placement;
  if (out.placement.is_packed()) p.lse.stride[0] = 0;
  return p;
}

/// As validated(), of sequences.
template <class T, class K = T, class V = K, class Q, class O>
Problem<T, StridedKv<K, V>> validated_ragged(const Ragged<Q>& q, const Ragged<const K>& k, const Ragged<const V>& v,
                                             const Ragged<O>& out, const LogSumExp<T>& lse, std::optional<double> scale,
                                             Align align) {
  check_heads_and_dims(q.view, k.view, v.view, out.view);
  check_sequences(q, "q");
  check_sequences(k, "k");
  check_sequences(v, "v");
  check_sequences(out, "out");
  check_same("k", "the number of sequences", k.count(), q.count(), "q");
  check_same_sequences(v, "v", k, "k");
  check_same_sequences(out, "out", q, "q");
  check_ragged_lse(lse, out.view);
  const StridedKv<K, V> kv{by_sequence(k), by_sequence(v), k.placement, v.placement};
  const Problem<T, StridedKv<K, V>> whole{q.view, kv, out.view, lse, checked_scale<T>(scale, q.view.dim()), align};
  check_apart(out.view, lse, k.view, "k");
  check_apart(out.view, lse, v.view, "v");
  const Written written{footprint(out.view), footprint(lse)};
  written.check_apart(footprint(k.placement.at), "the numbers that say where k's sequences stand");
  written.check_apart(footprint(v.placement.at), "the numbers that say where v's sequences stand");
  return of_sequences(whole, q, out);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
