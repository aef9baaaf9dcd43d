// The validated problem: what is to be computed, with every argument known to be right.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "rapt/core/align.hpp"
#include "rapt/core/any_view.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/ragged.hpp"
#include "rapt/core/view.hpp"
#include "rapt/kv/strided.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Attention over [batch, head, position, dim], all of it checked. `Kv` is where the keys and values live.
template <class T, class Kv = StridedKv<T>> struct Problem {
  AnyInput q;                  // [batch, q_heads, q_len, head_dim]
  Kv kv;                       // keys [batch, kv_heads, kv_len, head_dim], values [batch, kv_heads, kv_len, value_dim]
  AnyOutput out;               // [batch, q_heads, q_len, value_dim]
  LogSumExp<T> lse;            // [batch, q_heads, q_len], if wanted
  T scale;                     // what queries are multiplied with
  Align align;                 // where the queries stand in the sequence of the keys
  Placement q_at{}, out_at{};  // along the positions, in a ragged batch; equally long in both
  RowAccessOf<T> access{};     // to rows of q and out that are not kept as T

  Index batch() const { return q.batch(); }
  Index q_heads() const { return q.heads(); }
  Index kv_heads() const { return kv.heads(); }
  Index q_len(Index b) const { return q_at.length(b, q.length()); }
  /// The most queries of any batch entry.
  Index longest_q() const {
    Index longest = q_at.kind == Placement::Kind::whole ? q.length() : 0;
    for (Index b = 0; b < batch() && q_at.kind != Placement::Kind::whole; ++b)
      longest = q_len(b) > longest ? q_len(b) : longest;
    return longest;
  }
  Index kv_len(Index b) const { return kv.length(b); }
  Index head_dim() const { return q.dim(); }
  Index value_dim() const { return kv.value_dim(); }
  /// Query heads that read one key/value head.
  Index group() const { return q_heads() / kv_heads(); }
  /// The position of query 0 in the sequence of the keys.
  std::int32_t first_query(Index b) const {
    return static_cast<std::int32_t>(align.first_position(q_len(b), kv_len(b)));
  }

  /// Another number once the cache or any length has changed.
  Index changes() const { return kv.changes() ^ q_at.fingerprint() << 2 ^ out_at.fingerprint() << 3; }

  /// Rows that are kept as T.
  const T* query(Index b, Index h, Index i) const { return reinterpret_cast<const T*>(q.row(b, h, q_at.begin(b) + i)); }
  T* output(Index b, Index h, Index i) const { return reinterpret_cast<T*>(out.row(b, h, out_at.begin(b) + i)); }
  T& logsumexp(Index b, Index h, Index i) const { return lse(b, h, out_at.begin(b) + i); }
};

inline void check_pointer(const void* data, Index alignment, const char* name) {
  if (data == nullptr) fail(name, "data is a null pointer", "it has to point to the elements, as no extent is 0");
  if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(alignment) != 0)
    fail(name, "data is not aligned", {"it has to be a multiple of ", alignment, " bytes"});
}
template <class T> void check_pointer(const T* data, const char* name) { check_pointer(data, Index(alignof(T)), name); }

RAPT_NOINLINE inline void check_view(const AnyInput& view, const char* name, const char* dim) {
  require(view.batch() >= 0, name, "batch", view.batch(), "it has to be 0 or more");
  require(view.heads() >= 1, name, "the number of heads", view.heads(), "it has to be 1 or more");
  const char* const stride_of[4] = {"the stride of batch", "the stride of heads", "the stride of positions",
                                    "the stride of dims"};
  for (std::size_t i = 0; i < 4; ++i) {
    require(view.extent[i] < max_length || i == 2, name,
            i == 0   ? "batch"
            : i == 1 ? "the number of heads"
                     : dim,
            view.extent[i], "it has to be less than 2^30");
    require(view.extent[i] <= 1 || std::abs(view.stride[i]) <= max_reach / view.extent[i], name, stride_of[i],
            view.stride[i], "it has to keep the view within 2^56 elements");
  }
  require(view.length() >= 0 && view.length() < max_length, name, "length", view.length(),
          "it has to be from 0 to 2^30 - 1");
  require(view.dim() >= 1, name, dim, view.dim(), "it has to be 1 or more");
  if (!view.empty()) check_pointer(view.data, view.element, name);
}

inline void check_same(const char* name, const char* what, Index was, Index wanted, const char* like) {
  if (was != wanted) fail(name, {what, " is ", was}, {"it has to be ", wanted, ", as in ", like});
}

inline void check_groups(Index q_heads, Index kv_heads) {
  if (q_heads % kv_heads != 0)
    fail("q", {"the number of heads is ", q_heads}, {"it has to be a multiple of the ", kv_heads, " key/value heads"});
}

/// All of the shapes but how many sequences there are, and how long. A caller of cascade_attention() has other names
/// for k and v.
RAPT_NOINLINE inline void check_heads_and_dims(const AnyInput& q, const AnyInput& k, const AnyInput& v,
                                               const AnyInput& out, const char* k_name = "k",
                                               const char* v_name = "v") {
  check_view(q, "q", "head_dim");
  check_view(k, k_name, "head_dim");
  check_view(v, v_name, "value_dim");
  check_view(out, "out", "value_dim");
  if (k.dim() != q.dim() && k.dim() == v.dim())  // the odd one out is the one to name
    check_same("q", "head_dim", q.dim(), k.dim(), k_name);
  check_same(k_name, "head_dim", k.dim(), q.dim(), "q");
  check_same(v_name, "the number of heads", v.heads(), k.heads(), k_name);
  check_same("out", "the number of heads", out.heads(), q.heads(), "q");
  check_same("out", "value_dim", out.dim(), v.dim(), v_name);
  check_groups(q.heads(), k.heads());
}

RAPT_NOINLINE inline void check_shapes(const AnyInput& q, const AnyInput& k, const AnyInput& v, const AnyInput& out) {
  check_heads_and_dims(q, k, v, out);
  check_same("k", "batch", k.batch(), q.batch(), "q");
  check_same("v", "batch", v.batch(), q.batch(), "q");
  check_same("out", "batch", out.batch(), q.batch(), "q");
  check_same("v", "length", v.length(), k.length(), "k");
  check_same("out", "length", out.length(), q.length(), "q");
}

template <class T> void check_lse(const LogSumExp<T>& lse, const AnyInput& q) {
  if (!lse.wanted()) return;
  check_same("lse", "batch", lse.extent[0], q.batch(), "q");
  check_same("lse", "the number of heads", lse.extent[1], q.heads(), "q");
  check_same("lse", "length", lse.extent[2], q.length(), "q");
  check_pointer(lse.data, "lse");
}

/// What is written may share no element with itself.
template <class L> void check_written(const AnyInput& to, const LogSumExp<L>& to_lse) {
  const Footprint out = footprint(to), lse = footprint(to_lse);
  if (overlaps_itself(out))
    fail("out", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  if (overlaps_itself(lse))
    fail("lse", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  if (may_overlap(out, lse)) fail("lse", "shares memory with out", "it has to be apart from it");
}

/// Nor with what is read.
template <class L>
void check_apart(const AnyInput& out, const LogSumExp<L>& lse, const AnyInput& read, const char* name) {
  Written{footprint(out), footprint(lse)}.check_apart(footprint(read), name);
}

template <class T> T checked_scale(std::optional<double> scale, Index head_dim) {
  if (scale && !ieee::is_finite(static_cast<T>(*scale)))
    fail("scale", {"is ", *scale}, {"it has to be finite, as a ", sizeof(T) == 8 ? "double" : "float"});
  return static_cast<T>(scale ? *scale : 1.0 / ieee::sqrt(static_cast<double>(head_dim)));
}

inline void check_align(const Align& align, Index q_len, Index kv_len) {
  const Index first = align.first_position(q_len, kv_len);
  require(first > -max_length && first < max_length, "score", "the first query's position", first,
          "it has to be within 2^30 of the first key");
}

/// Checks everything and throws std::invalid_argument, or returns the problem.
template <class T, class K = T, class V = K>
Problem<T, StridedKv<K, V>> validated(const AnyInput& q, const View<const K>& k, const View<const V>& v,
                                      const AnyOutput& out, const LogSumExp<T>& lse, std::optional<double> scale,
                                      Align align) {
  check_shapes(q, k, v, out);
  check_lse(lse, q);
  const T factor = checked_scale<T>(scale, q.dim());
  check_align(align, q.length(), k.length());
  const Problem<T, StridedKv<K, V>> problem{q, {k, v}, out, lse, factor, align};
  check_written(out, lse);
  check_apart(out, lse, q, "q");
  check_apart(out, lse, k, "k");
  check_apart(out, lse, v, "v");
  return problem;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
