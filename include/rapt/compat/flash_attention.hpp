// FlashAttention's functions: flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache.
//
//     using rapt::compat::tensor;
//     namespace fa = rapt::compat::flash_attention;
//     fa::flash_attn_func<float>(tensor(q, {2, 128, 32, 64}), tensor(k, {2, 128, 8, 64}), tensor(v, {2, 128, 8, 64}),
//                                tensor(out, {2, 128, 32, 64}), {.causal = true, .window_size = {1023, 0}, .softcap =
//                                50});
//     fa::flash_attn_varlen_func<float>(tensor(q, {total_q, 32, 64}), tensor(k, {total_k, 8, 64}), tensor(v, {total_k,
//     8, 64}),
//                                       tensor(out, {total_q, 32, 64}), tensor(cu_seqlens_q, {3}), tensor(cu_seqlens_k,
//                                       {3}), max_seqlen_q, max_seqlen_k, {.causal = true}, {.executor = &executor});
//     fa::flash_attn_with_kvcache<float>(tensor(q, {2, 1, 32, 64}), tensor(k_cache, {2, 4096, 8, 64}),
//                                        tensor(v_cache, {2, 4096, 8, 64}), tensor(out, {2, 1, 32, 64}),
//                                        {.k = tensor(k, {2, 1, 8, 64}), .v = tensor(v, {2, 1, 8, 64}),
//                                         .cache_seqlens = tensor(cache_seqlens, {2}), .causal = true});
//
// Source: the docstrings of flash_attn/flash_attn_interface.py and csrc/flash_attn of
// github.com/Dao-AILab/flash-attention, version 2.7.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/compat/call.hpp"
#include "rapt/compat/copies.hpp"
#include "rapt/compat/flash_attention/slots.hpp"
#include "rapt/compat/turn.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/ragged_problem.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::flash_attention {

/// Keys that a query attends to before and after its own position, both inclusive; negative is unbounded.
struct WindowSize {
  Index left = -1, right = -1;
};

/// What a tensor of T is computed in, and its logsumexps are: float for the 16-bit types.
template <class T> using Computed = std::conditional_t<CacheElement<T>, rapt::detail::element_of_t<T>, float>;

/// What the functions take besides their tensors, with FlashAttention's names and defaults. (`deterministic` and
/// num_splits have no counterpart: the bits are the same always, however keys are split.)
template <class T> struct Arguments {
  double dropout_p = 0;                   ///< has to be 0
  std::optional<double> softmax_scale{};  ///< 1/sqrt(headdim) if unset
  bool causal = false;                    ///< bottom-right: the last query stands at the last key
  WindowSize window_size{};               ///< from the same positions; causal cuts it at 0 to the right
  double softcap = 0;                     ///< 0: none
  Tensor<const float> alibi_slopes{};  ///< [nheads] or [batch, nheads]: −slope · |i + seqlen_k − seqlen_q − j|
  Tensor<Computed<T>> softmax_lse{};  ///< where it goes, if wanted: [batch, nheads, seqlen_q], varlen [nheads, total_q]
  Tensor<const std::int32_t> block_table{};  ///< varlen: [batch, pages of a sequence]; k and v are pages
};

/// The same of flash_attn_with_kvcache.
template <class T> struct KvCacheArguments {
  Tensor<const T> k{}, v{};                      ///< [batch, seqlen_new, nheads_k, headdim]: appended to the caches
  Tensor<const T> rotary_cos{}, rotary_sin{};    ///< [seqlen_ro, rotary_dim / 2]: queries and new keys are turned
  Tensor<const std::int32_t> cache_seqlens{};    ///< [batch], or [1] for all; the caches' length if not given
  Tensor<const std::int32_t> cache_batch_idx{};  ///< [batch]: which entry of the caches; b if not given
  Tensor<const std::int32_t> cache_leftpad{};    ///< [batch]: where in it the sequence begins; 0 if not given
  Tensor<const std::int32_t> block_table{};      ///< [batch, pages of a sequence]; the caches are pages
  std::optional<double> softmax_scale{};
  bool causal = false;
  WindowSize window_size{};
  double softcap = 0;
  bool rotary_interleaved = true;  ///< pairs of neighbours, instead of pairs of halves
  Tensor<const float> alibi_slopes{};
  int num_splits = 0;  ///< not looked at
  Tensor<Computed<T>> softmax_lse{};
};

using compat::Options;

namespace detail {

using rapt::detail::fail;

/// ALiBi with slopes of each batch entry's own, or of all.
struct Slopes {
  const float* data = nullptr;
  Index batch_step = 0, head_step = 0;

  template <class T> T change(T score, Coord c) const {
    const std::int32_t distance = c.query > c.key ? c.query - c.key : c.key - c.query;
    return ieee::fma(-static_cast<T>(data[c.batch * batch_step + c.head * head_step]), static_cast<T>(distance), score);
  }
  std::string describe() const { return "alibi"; }
};

template <class T> void check_rank(const Tensor<T>& t, const char* name, int rank) {
  if (t.rank != rank) fail(name, {"has ", t.rank, " dimensions"}, {"it has to have ", rank});
}
inline void check_size(const char* name, const char* what, Index is, Index wanted, const char* like) {
  if (is != wanted) fail(name, {what, " is ", is}, {"it has to be ", wanted, like});
}

/// [batch, seqlen, nheads, headdim], or [total, nheads, headdim] as one entry.
template <class T> View<T> view_of(const Tensor<T>& t, const char* name, int rank) {
  check_rank(t, name, rank);
  const View<T> v{t.data,
                  {rank == 4 ? t.dim(0) : 1, t.dim(-2), t.dim(-3), t.dim(-1)},
                  {rank == 4 ? t.step(0) : 0, t.step(-2), t.step(-3), t.step(-1)}};
  rapt::detail::check_view(v, name, "headdim");
  return v;
}

/// A vector of so many numbers, side by side; null if there are none.
template <class T> const T* numbers_of(const Tensor<const T>& t, const char* name, Index count) {
  if (!t.given()) return nullptr;
  check_rank(t, name, 1);
  check_size(name, "its size", t.dim(0), count, "");
  if (count > 1 && t.step(0) != 1) fail(name, "its numbers are not side by side", "they have to be");
  if (count > 0) rapt::detail::check_pointer(t.data, name);
  return t.data;
}

inline Slopes slopes_of(const Tensor<const float>& t, Index batch, Index heads) {
  if (!t.given()) return {};
  if (t.rank != 1) check_rank(t, "alibi_slopes", 2);
  check_size("alibi_slopes", "the number of heads", t.dim(-1), heads, ", as in q");
  if (t.rank == 2) check_size("alibi_slopes", "batch", t.dim(0), batch, ", as in q");
  if (t.dim(0) > 0) rapt::detail::check_pointer(t.data, "alibi_slopes");
  return {t.data, t.rank == 2 ? t.step(0) : 0, t.step(-1)};
}

inline std::int32_t side(Index size) {
  return size < 0 || size >= Band::unbounded ? Band::unbounded : static_cast<std::int32_t>(size);
}

/// Softcap, ALiBi, causal and windows: one type, so that there is one kernel.
inline auto scores_of(double softcap, const Slopes& slopes, bool causal, const WindowSize& window) {
  const std::int32_t right = side(window.right);
  return rapt::when(softcap != 0, rapt::softcap(softcap)) | rapt::when(slopes.data != nullptr, slopes) |
         Band{side(window.left), causal && right > 0 ? 0 : right};
}
using Scores = decltype(scores_of(0, {}, false, {}));

template <class T> using Problem = rapt::detail::Problem<Computed<T>, Slots<T>>;
template <class T> using Plan = rapt::Plan<Computed<T>, Scores, Slots<T>>;

/// Says in words what the templates below would say in pages.
template <class T> constexpr bool takes() {
  static_assert(CacheElement<T>,
                "rapt: FlashAttention's functions take tensors of float, double, Eigen::half or Eigen::bfloat16");
  static_assert(
      requires { sizeof(T); }, "rapt: include <Eigen/Core> before calls with its 16-bit types");
  return CacheElement<T>;
}

/// Queries as they are computed with: where they are, or, of 16 bits, widened.
template <class T> struct Queries {
  compat::detail::Buffer<Computed<T>> wide{};
  View<const Computed<T>> view{};

  explicit Queries(const View<const T>& q) {
    if constexpr (std::is_same_v<T, Computed<T>>)
      view = q;
    else
      view = (wide = compat::detail::Buffer<Computed<T>>(q)).view();
  }
  /// Each is turned by a row of the angles: [batch][seqlen_q].
  void turn(const compat::detail::Angles<Computed<T>>& angles, const std::vector<Index>& rows, const Options& o) {
    compat::detail::Buffer<Computed<T>> turned(view.batch(), view.heads(), view.length(), view.dim());
    compat::detail::turn(view, turned.view(), angles, row_major(rows.data(), view.batch(), view.length()), o.executor,
                         o.isa);
    view = (wide = std::move(turned)).view();
  }
};

/// Outputs as they are computed: where they go, or, of 16 bits, in memory from which they are rounded once.
template <class T> struct Outputs {
  View<T> to;
  compat::detail::Buffer<Computed<T>> wide{};
  View<Computed<T>> view{};

  explicit Outputs(const View<T>& out) : to(out) {
    if constexpr (std::is_same_v<T, Computed<T>>)
      view = out;
    else
      view = (wide = compat::detail::Buffer<Computed<T>>(out.batch(), out.heads(), out.length(), out.dim())).view();
  }
  /// The first `length` positions have been computed.
  void round(Index length) {
    if constexpr (!std::is_same_v<T, Computed<T>>) {
      View<const Computed<T>> from = view;
      from.extent[2] = length;
      compat::detail::copy_positions(from, to);
    }
  }
};

template <class T>
Problem<T> problem_of(const Queries<T>& q, const Slots<T>& kv, const Outputs<T>& out, const LogSumExp<Computed<T>>& lse,
                      const std::optional<double>& scale) {
  rapt::detail::check_groups(q.view.heads(), kv.heads());
  return {q.view,
          kv,
          out.view,
          lse,
          rapt::detail::checked_scale<Computed<T>>(scale, q.view.dim()),
          rapt::align::bottom_right};
}

template <class T> rapt::Options<Computed<T>> options_of(const Options& o) {
  return {.executor = o.executor, .workspace = o.workspace, .isa = o.isa};
}

/// q and out of one shape, k and v of another, all with the right dims; `k` and `v` by their names.
template <class T>
void check_shapes(const View<const T>& q, const View<const T>& k, const View<const T>& v, const View<T>& out,
                  const char* k_name, const char* v_name) {
  check_size(k_name, "headdim", k.dim(), q.dim(), ", as in q");
  check_size(v_name, "the number of heads", v.heads(), k.heads(), ", as in k");
  check_size(v_name, "seqlen", v.length(), k.length(), ", as in k");
  check_size(v_name, "batch", v.batch(), k.batch(), ", as in k");
  check_size("out", "batch", out.batch(), q.batch(), ", as in q");
  check_size("out", "the number of heads", out.heads(), q.heads(), ", as in q");
  check_size("out", "seqlen", out.length(), q.length(), ", as in q");
  check_size("out", "headdim", out.dim(), v.dim(), ", as in v");
}

template <class C, class T> LogSumExp<C> lse_of(const Tensor<C>& t, const View<const T>& q, bool packed) {
  if (!t.given()) return {};
  check_rank(t, "softmax_lse", packed ? 2 : 3);
  if (!packed) check_size("softmax_lse", "batch", t.dim(0), q.batch(), ", as in q");
  check_size("softmax_lse", "the number of heads", t.dim(-2), q.heads(), ", as in q");
  check_size("softmax_lse", "its last size", t.dim(-1), q.length(), packed ? ", which is total_q" : ", as in q");
  const LogSumExp<C> lse{t.data, {q.batch(), q.heads(), q.length()}, {packed ? 0 : t.step(0), t.step(-2), t.step(-1)}};
  if (q.batch() * q.length() > 0) rapt::detail::check_pointer(t.data, "softmax_lse");
  return lse;
}

inline void check_dropout(double p) {
  if (p != 0) fail("dropout_p", {"is ", p}, "it has to be 0: this is inference");
}

/// block_table: which pages each sequence has, as many as its length needs.
template <class T> void take_pages(Slots<T>& kv, const Tensor<const std::int32_t>& t, const char* k_name) {
  check_rank(t, "block_table", 2);
  check_size("block_table", "batch", t.dim(0), kv.count, ", as many as there are sequences");
  if (kv.k.length() < 1) fail(k_name, {"page_block_size is ", kv.k.length()}, "it has to be 1 or more");
  if (t.dim(1) > 1 && t.step(1) != 1) fail("block_table", "a row's numbers are not side by side", "they have to be");
  for (Index b = 0; b < kv.count; ++b) {
    const Index needed = rapt::detail::ceil_div(kv.length(b), kv.k.length());
    if (needed > t.dim(1))
      fail("block_table", {"has ", t.dim(1), " pages a sequence"},
           {"it has to have ", needed, ", for the ", kv.length(b), " keys of sequence ", b});
    if (needed > 0) rapt::detail::check_pointer(t.data, "block_table");
    for (Index i = 0; i < needed; ++i) {
      const Index page = t.data[b * t.step(0) + i];
      if (page < 0 || page >= kv.k.batch())
        fail("block_table", {"page ", i, " of sequence ", b, " is ", page},
             {"it has to be from 0 to ", kv.k.batch() - 1});
    }
  }
  kv.table = t.data;
  kv.table_step = t.step(0);
}

/// cu_seqlens: 0, …, each at least the one before.
inline std::span<const std::int32_t> offsets_of(const Tensor<const std::int32_t>& t, const char* name, Index total,
                                                const char* longest_name, Index longest) {
  check_rank(t, name, 1);
  if (t.dim(0) < 1) fail(name, "is empty", "it has to have one number more than there are sequences");
  const std::int32_t* const n = numbers_of(t, name, t.dim(0));
  if (n[0] != 0) fail(name, {"its first number is ", n[0]}, "it has to be 0");
  for (Index b = 1; b < t.dim(0); ++b) {
    if (n[b] < n[b - 1]) fail(name, {"number ", b, " is ", n[b]}, {"it has to be ", n[b - 1], " or more"});
    if (n[b] - n[b - 1] > longest)
      fail(longest_name, {"is ", longest}, {"it has to be ", n[b] - n[b - 1], " or more, for sequence ", b - 1});
  }
  if (total >= 0 && n[t.dim(0) - 1] > total)
    fail(name, {"its last number is ", n[t.dim(0) - 1]},
         {"it has to be at most ", total, ", which is how many there are"});
  return {n, static_cast<std::size_t>(t.dim(0))};
}

}  // namespace detail

/// flash_attn_func: q [batch, seqlen_q, nheads, headdim], k and v [batch, seqlen_k, nheads_k, headdim], out as q. T is
/// float, double, Eigen::half or Eigen::bfloat16; any strides; v's headdim may differ.
///
/// - 16 bits are computed with in float: keys and values are read where they are, queries and outputs go by memory of
///   the call, and outputs are rounded once. softmax_lse is float.
/// - A row that attends to nothing is 0, and its softmax_lse −∞ (FlashAttention 2 writes +∞ there, version 3 −∞).
/// - softcap applies before ALiBi and the mask. softmax_lse includes all of ALiBi's bias, with causal too.
/// - With causal, queries beyond the keys' number attend to nothing: bottom-right.
///
/// Throws std::invalid_argument, before anything is written, which names the argument as FlashAttention does.
template <class T>
void flash_attn_func(const Tensor<const T>& q, const Tensor<const T>& k, const Tensor<const T>& v, const Tensor<T>& out,
                     const Arguments<T>& a = {}, const Options& options = {}) {
  if constexpr (!detail::takes<T>()) return;
  detail::check_dropout(a.dropout_p);
  if (a.block_table.given()) detail::fail("block_table", "is given", "it is flash_attn_varlen_func's");
  const View<const T> qs = detail::view_of(q, "q", 4), ks = detail::view_of(k, "k", 4), vs = detail::view_of(v, "v", 4);
  const View<T> outs = detail::view_of(out, "out", 4);
  detail::check_shapes(qs, ks, vs, outs, "k", "v");
  detail::check_size("k", "batch", ks.batch(), qs.batch(), ", as in q");
  std::vector<detail::Slot> slots;
  for (Index b = 0; b < ks.batch(); ++b) slots.push_back({b, 0, ks.length()});
  const auto lse = detail::lse_of(a.softmax_lse, qs, false);
  rapt::detail::check_written(outs, lse);
  rapt::detail::check_apart(outs, lse, qs, "q");
  rapt::detail::check_apart(outs, lse, ks, "k");
  rapt::detail::check_apart(outs, lse, vs, "v");
  const detail::Queries<T> queries(qs);
  detail::Outputs<T> outputs(outs);
  const detail::Problem<T> problem =
      detail::problem_of<T>(queries, {ks, vs, slots.data(), ks.batch()}, outputs, lse, a.softmax_scale);
  const auto scores =
      detail::scores_of(a.softcap, detail::slopes_of(a.alibi_slopes, qs.batch(), qs.heads()), a.causal, a.window_size);
  detail::Plan<T>(problem, scores, detail::options_of<T>(options)).run();
  outputs.round(outs.length());
}

/// flash_attn_varlen_func: q [total_q, nheads, headdim], k and v [total_k, nheads_k, headdim], out as q; cu_seqlens
/// [batch
/// + 1] say where the sequences begin. With a block_table, k and v are pages, [pages, page_block_size, nheads_k,
/// headdim], and cu_seqlens_k says how long the sequences are.
///
/// max_seqlen_q and max_seqlen_k have to be at least the longest sequence's. Tokens behind the last offset, as where
/// tensors have a fixed size, are neither read nor written. Otherwise as flash_attn_func.
template <class T>
void flash_attn_varlen_func(const Tensor<const T>& q, const Tensor<const T>& k, const Tensor<const T>& v,
                            const Tensor<T>& out, const Tensor<const std::int32_t>& cu_seqlens_q,
                            const Tensor<const std::int32_t>& cu_seqlens_k, Index max_seqlen_q, Index max_seqlen_k,
                            const Arguments<T>& a = {}, const Options& options = {}) {
  if constexpr (!detail::takes<T>()) return;
  detail::check_dropout(a.dropout_p);
  const int kv_rank = a.block_table.given() ? 4 : 3;
  const View<const T> qs = detail::view_of(q, "q", 3);
  const View<const T> ks = detail::view_of(k, "k", kv_rank), vs = detail::view_of(v, "v", kv_rank);
  const View<T> outs = detail::view_of(out, "out", 3);
  detail::check_shapes(qs, ks, vs, outs, "k", "v");
  const auto q_at = detail::offsets_of(cu_seqlens_q, "cu_seqlens_q", qs.length(), "max_seqlen_q", max_seqlen_q);
  const auto k_at =
      detail::offsets_of(cu_seqlens_k, "cu_seqlens_k", kv_rank == 4 ? -1 : ks.length(), "max_seqlen_k", max_seqlen_k);
  const Index count = std::ssize(q_at) - 1;
  detail::check_size("cu_seqlens_k", "its size", std::ssize(k_at), count + 1, ", as cu_seqlens_q");
  std::vector<detail::Slot> slots;
  for (std::size_t b = 0; b + 1 < k_at.size(); ++b) slots.push_back({0, k_at[b], k_at[b + 1] - k_at[b]});
  detail::Slots<T> kv{ks, vs, slots.data(), count};
  if (kv_rank == 4) detail::take_pages(kv, a.block_table, "k");
  const auto lse = detail::lse_of(a.softmax_lse, qs, true);
  rapt::detail::check_written(outs, lse);
  rapt::detail::check_apart(outs, lse, qs, "q");
  rapt::detail::check_apart(outs, lse, ks, "k");
  rapt::detail::check_apart(outs, lse, vs, "v");
  const detail::Queries<T> queries(qs);
  detail::Outputs<T> outputs(outs);
  const detail::Problem<T> whole = detail::problem_of<T>(queries, kv, outputs, lse, a.softmax_scale);
  const detail::Problem<T> problem =
      rapt::detail::of_sequences(whole, packed(queries.view, q_at), packed(outputs.view, q_at));
  const auto scores =
      detail::scores_of(a.softcap, detail::slopes_of(a.alibi_slopes, count, qs.heads()), a.causal, a.window_size);
  detail::Plan<T>(problem, scores, detail::options_of<T>(options), rapt::detail::OfSequences{}).run();
  outputs.round(q_at.back());
}

namespace detail {

/// Where the sequences are in the caches, and how long they were before.
template <class T> struct Caches {
  std::vector<Slot> slots;    // with the new ones
  std::vector<Index> before;  // positions of the cache's entry that are taken: cache_seqlens
  Slots<T> kv{};
};

template <class T>
Caches<T> caches_of(const View<const T>& q, const View<T>& k, const View<T>& v, const KvCacheArguments<T>& a) {
  const Index batch = q.batch(), fresh = a.k.given() ? a.k.dim(1) : 0;
  const bool paged = a.block_table.given();
  if (paged && a.cache_batch_idx.given())
    fail("cache_batch_idx", "is given, and so is block_table", "it has to be one or the other");
  if (paged && a.cache_leftpad.given())
    fail("cache_leftpad", "is given, and so is block_table", "it has to be one or the other");
  if (!paged && !a.cache_batch_idx.given()) check_size("k_cache", "batch", k.batch(), batch, ", as in q");
  const bool one = a.cache_seqlens.given() && a.cache_seqlens.rank == 1 && a.cache_seqlens.dim(0) == 1;
  const std::int32_t* const lengths = numbers_of(a.cache_seqlens, "cache_seqlens", one ? 1 : batch);
  const std::int32_t* const entries = numbers_of(a.cache_batch_idx, "cache_batch_idx", batch);
  const std::int32_t* const starts = numbers_of(a.cache_leftpad, "cache_leftpad", batch);
  if (a.k.given() && lengths == nullptr) fail("cache_seqlens", "is not given", "it has to be, as k is");
  const Index room = paged ? a.block_table.dim(-1) * k.length() : k.length();
  Caches<T> c;
  for (Index b = 0; b < batch; ++b) {
    const Index taken = lengths == nullptr ? room : lengths[one ? 0 : b], start = starts == nullptr ? 0 : starts[b];
    const Index entry = entries == nullptr ? b : entries[b];
    if (taken < 0 || taken + fresh > room)
      fail("cache_seqlens", {"number ", b, " is ", taken},
           {"it has to be from 0 to ", room - fresh, ", so that the new ones have room"});
    if (start < 0 || start > taken)
      fail("cache_leftpad", {"number ", b, " is ", start}, {"it has to be from 0 to ", taken, ", its cache_seqlens"});
    if (!paged && (entry < 0 || entry >= k.batch()))
      fail("cache_batch_idx", {"number ", b, " is ", entry}, {"it has to be from 0 to ", k.batch() - 1});
    c.slots.push_back({entry, start, taken + fresh - start});
    c.before.push_back(taken);
  }
  c.kv = {k, v, c.slots.data(), batch};
  if (paged) take_pages(c.kv, a.block_table, "k_cache");
  return c;
}

/// rotary_cos and rotary_sin, and the row of each query.
template <class T> struct Rotary {
  compat::detail::Buffer<Computed<T>> cosines, sines;  // of 16-bit ones, widened
  compat::detail::Angles<Computed<T>> angles{};
  std::vector<Index> q_rows;  // [batch][seqlen_q]

  bool on() const { return angles.cosines != nullptr; }
};

template <class T> Rotary<T> rotary_of(const View<const T>& q, const Caches<T>& c, const KvCacheArguments<T>& a) {
  Rotary<T> r;
  if (a.rotary_cos.given() != a.rotary_sin.given())
    fail(a.rotary_cos.given() ? "rotary_sin" : "rotary_cos", "is not given", "rotary_cos and rotary_sin go together");
  if (!a.rotary_cos.given()) return r;
  if (!a.k.given()) fail("k", "is not given", "it has to be, as rotary_cos is");
  for (const auto& [t, name] : {std::pair{a.rotary_cos, "rotary_cos"}, std::pair{a.rotary_sin, "rotary_sin"}}) {
    check_rank(t, name, 2);
    check_size(name, "the number of rows", t.dim(0), a.rotary_cos.dim(0), ", as in rotary_cos");
    check_size(name, "its last size", t.dim(1), a.rotary_cos.dim(1), ", as in rotary_cos");
    if (t.dim(1) < 1 || 2 * t.dim(1) > q.dim())
      fail(name, {"its last size is ", t.dim(1)}, {"it has to be from 1 to ", q.dim() / 2, ", half of headdim"});
    if (t.dim(0) > 1 && (t.step(0) != t.dim(1) || (t.dim(1) > 1 && t.step(1) != 1)))
      fail(name, "its rows are not side by side", "they have to be, without gaps");
    if (t.dim(0) > 0) rapt::detail::check_pointer(t.data, name);
  }
  const auto wide = [&](const Tensor<const T>& t, compat::detail::Buffer<Computed<T>>& widened) {
    if constexpr (std::is_same_v<T, Computed<T>>)
      return t.data;
    else
      return static_cast<const Computed<T>*>(
          (widened = compat::detail::Buffer<Computed<T>>(bhsd(t.data, 1, 1, t.dim(0), t.dim(1)))).view().data);
  };
  r.angles = {wide(a.rotary_cos, r.cosines), wide(a.rotary_sin, r.sines), a.rotary_cos.dim(1), a.rotary_interleaved};
  const bool moving = a.causal || a.window_size.left >= 0 || a.window_size.right >= 0;
  Index last = -1;
  for (Index b = 0; b < q.batch(); ++b) {
    const Index at = c.before[static_cast<std::size_t>(b)];
    for (Index i = 0; i < q.length(); ++i) r.q_rows.push_back(at + (moving ? i : 0));
    last = std::max({last, at + (moving ? q.length() : 1) - 1, at + a.k.dim(1) - 1});
  }
  if (last >= a.rotary_cos.dim(0))
    fail("rotary_cos", {"has ", a.rotary_cos.dim(0), " rows"},
         {"it has to have ", last + 1, ", one for each position"});
  return r;
}

/// The new positions of one sequence go to where they belong in the caches; keys are turned on the way.
template <class T>
void append(const Caches<T>& c, const View<T>& cache, const View<const T>& fresh, Index b,
            const compat::detail::Angles<Computed<T>>* angles, const Options& o) {
  const std::size_t i = static_cast<std::size_t>(b);
  const Index page = c.kv.table == nullptr ? cache.length() : c.kv.k.length();
  for (Index s = 0; s < fresh.length();) {
    const Index position = c.before[i] + s, inside = position % page;
    const Index entry = c.kv.table == nullptr ? c.slots[i].entry : c.kv.table[b * c.kv.table_step + position / page];
    const Index count = std::min(fresh.length() - s, page - inside);
    const View<const T> from{fresh.row(b, 0, s), {1, fresh.heads(), count, fresh.dim()}, fresh.stride};
    const View<T> to{cache.row(entry, 0, inside), {1, fresh.heads(), count, fresh.dim()}, cache.stride};
    if (angles == nullptr) {
      compat::detail::copy_positions(from, to);
    } else if constexpr (std::is_same_v<T, Computed<T>>) {
      compat::detail::turn(from, to, angles->from(position), {}, o.executor, o.isa);
    } else {  // turned in float, and rounded once
      compat::detail::Buffer<Computed<T>> turned(from);
      compat::detail::turn<Computed<T>>(turned.view(), turned.view(), angles->from(position), {}, o.executor, o.isa);
      compat::detail::copy_positions(turned.view(), to);
    }
    s += count;
  }
}

}  // namespace detail

/// flash_attn_with_kvcache: k and v, if given, are appended to k_cache and v_cache behind cache_seqlens (which stay as
/// they are), new keys turned by their positions; then q attends to each sequence's keys.
///
///   q  [batch, seqlen_q, nheads, headdim]    out  as q
///   k_cache, v_cache  [entries, seqlen_cache, nheads_k, headdim], or [pages, page_block_size, nheads_k, headdim]
///
/// - With rotary_cos: key i of the new ones is turned by row cache_seqlens + i; query i by row cache_seqlens + i if
/// there
///   is causal or a window, else all by row cache_seqlens.
/// - cache_leftpad: the sequence is from there to cache_seqlens; positions of rotation are those of the cache.
/// - page_block_size is any (FlashAttention: a multiple of 256). cache_batch_idx and cache_leftpad are not for pages.
/// - Where two sequences append to one place, the later one's stays.
/// Otherwise as flash_attn_func. Throws std::invalid_argument before anything is written, the caches included.
template <class T>
void flash_attn_with_kvcache(const Tensor<const T>& q, const Tensor<T>& k_cache, const Tensor<T>& v_cache,
                             const Tensor<T>& out, const KvCacheArguments<T>& a = {}, const Options& options = {}) {
  using compat::detail::named;
  if constexpr (!detail::takes<T>()) return;
  const View<const T> qs = detail::view_of(q, "q", 4);
  const View<T> ks = detail::view_of(k_cache, "k_cache", 4), vs = detail::view_of(v_cache, "v_cache", 4);
  const View<T> outs = detail::view_of(out, "out", 4);
  detail::check_shapes<T>(qs, ks, vs, outs, "k_cache", "v_cache");
  if (a.k.given() != a.v.given()) detail::fail(a.k.given() ? "v" : "k", "is not given", "k and v go together");
  View<const T> new_k, new_v;
  if (a.k.given()) {
    new_k = detail::view_of(a.k, "k", 4), new_v = detail::view_of(a.v, "v", 4);
    detail::check_size("k", "batch", new_k.batch(), qs.batch(), ", as in q");
    detail::check_size("k", "the number of heads", new_k.heads(), ks.heads(), ", as in k_cache");
    detail::check_size("k", "headdim", new_k.dim(), ks.dim(), ", as in k_cache");
    detail::check_size("v", "batch", new_v.batch(), qs.batch(), ", as in q");
    detail::check_size("v", "seqlen", new_v.length(), new_k.length(), ", as in k");
    detail::check_size("v", "the number of heads", new_v.heads(), vs.heads(), ", as in v_cache");
    detail::check_size("v", "headdim", new_v.dim(), vs.dim(), ", as in v_cache");
  }
  const detail::Caches<T> caches = detail::caches_of(qs, ks, vs, a);
  const detail::Rotary<T> rotary = detail::rotary_of(qs, caches, a);
  const auto lse = detail::lse_of(a.softmax_lse, qs, false);
  rapt::detail::check_written(outs, lse);
  rapt::detail::check_apart(outs, lse, qs, "q");
  rapt::detail::check_apart(outs, lse, View<const T>(ks), "k_cache");
  rapt::detail::check_apart(outs, lse, View<const T>(vs), "v_cache");
  if (a.k.given())
    compat::detail::check_apart({named("k_cache", ks), named("v_cache", vs)},
                                {named("q", qs), named("k", new_k), named("v", new_v)});
  detail::Queries<T> queries(qs);
  if (rotary.on()) queries.turn(rotary.angles, rotary.q_rows, options);
  detail::Outputs<T> outputs(outs);
  const detail::Problem<T> problem = detail::problem_of<T>(queries, caches.kv, outputs, lse, a.softmax_scale);
  const auto scores =
      detail::scores_of(a.softcap, detail::slopes_of(a.alibi_slopes, qs.batch(), qs.heads()), a.causal, a.window_size);
  detail::Plan<T> plan(problem, scores, detail::options_of<T>(options));
  for (Index b = 0; a.k.given() && b < qs.batch(); ++b) {
    detail::append(caches, ks, new_k, b, rotary.on() ? &rotary.angles : nullptr, options);
    detail::append<T>(caches, vs, new_v, b, nullptr, options);
  }
  plan.run();
  outputs.round(outs.length());
}

}  // namespace compat::flash_attention
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
