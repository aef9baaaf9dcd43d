// ONNX Attention's tensors as views, once every shape and attribute is known to be right.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "rapt/compat/onnx/call.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnx::detail {

using rapt::detail::fail;

/// A call, all of it checked.
template <class T> struct Views {
  View<const T> q;                        // [batch, q_heads, q_len, head]
  View<const T> k, v;                     // [batch, kv_heads, kv_len, head or v_head]
  View<const T> past_k, past_v;           // the same, past_len; no position if there is no past
  View<T> y;                              // [batch, q_heads, q_len, v_head]
  View<T> present_k, present_v, qk;       // without data if they are not wanted
  View<const T> bias;                     // [batch, q_heads, q_len, masked], with extents of 1 that broadcast
  View<const bool> mask;                  // the same
  const std::int64_t* lengths = nullptr;  // nonpad_kv_seqlen
  Index past_len = 0, total = 0;
  Index masked = 0;  // keys that the mask is long enough for: all, or the first ones
};

inline void check_size(const char* name, const char* what, Index is, Index wanted, const char* like) {
  if (is != wanted) fail(name, {what, " is ", is}, {"it has to be ", wanted, like});
}

template <class T> void check_rank(const Tensor<T>& t, const char* name, int rank, const char* like) {
  if (t.rank != rank) fail(name, {"has ", t.rank, " dimensions"}, {"it has to have ", rank, like});
}

inline Index heads_of(const std::optional<std::int64_t>& attribute, const char* name) {
  if (!attribute) fail(name, "is not set", "it has to be, as Q has three dimensions");
  if (*attribute < 1) fail(name, {"is ", *attribute}, "it has to be 1 or more");
  return *attribute;
}

/// Q, K, V or Y. `heads` is what the attribute says, for three dimensions.
template <class T>
View<T> as_view(const Tensor<T>& t, const char* name, const std::optional<std::int64_t>& heads,
                const char* heads_name) {
  View<T> view;
  if (t.rank == 3) {
    const Index count = heads_of(heads, heads_name);
    if (t.dim(2) % count != 0)
      fail(name, {"its last size is ", t.dim(2)}, {"it has to be a multiple of ", count, ", which is ", heads_name});
    const Index dim = t.dim(2) / count;
    view = {t.data, {t.dim(0), count, t.dim(1), dim}, {t.step(0), dim * t.step(2), t.step(1), t.step(2)}};
  } else {
    view = {t.data, {t.dim(0), t.dim(1), t.dim(2), t.dim(3)}, {t.step(0), t.step(1), t.step(2), t.step(3)}};
    if (heads && *heads != view.heads())
      fail(heads_name, {"is ", *heads}, {"it has to be ", view.heads(), ", as in ", name, ", or not set"});
  }
  if (view.heads() < 1 || view.dim() < 1)
    fail(name, {"has ", view.heads(), " heads of size ", view.dim()}, "both have to be 1 or more");
  compat::detail::check_data(view, name);
  return view;
}

/// A tensor of four dimensions and known sizes.
template <class T> View<T> sized_view(const Tensor<T>& t, const char* name, const std::array<Index, 4>& sizes) {
  const char* const what[4] = {"batch_size", "the number of heads", "the sequence length", "the last size"};
  check_rank(t, name, 4, "");
  for (std::size_t i = 0; i < 4; ++i) check_size(name, what[i], t.size[i], sizes[i], ", as the other tensors have it");
  const View<T> view{t.data, sizes, {t.step(0), t.step(1), t.step(2), t.step(3)}};
  compat::detail::check_data(view, name);
  return view;
}

/// attn_mask of bools or numbers. Opset 23 broadcasts it; from 24 on, keys beyond its last dimension are masked.
template <class T, class M> View<const M> mask_view(const Tensor<const M>& t, const Views<T>& v, int opset) {
  if (t.rank > 4) fail("attn_mask", {"has ", t.rank, " dimensions"}, "it has to have 4 or fewer");
  const View<const M> view = compat::detail::broadcasting(t);
  const Index wanted[3] = {v.q.batch(), v.q.heads(), v.q.length()};
  const char* const what[3] = {"batch_size", "the number of heads", "q_sequence_length"};
  for (std::size_t i = 0; i < 3; ++i)
    if (view.extent[i] != 1 && view.extent[i] != wanted[i])
      fail("attn_mask", {what[i], " is ", view.extent[i]}, {"it has to be ", wanted[i], ", or 1 for all"});
  const Index keys = view.extent[3];
  if (opset == 23 ? keys != v.total && keys != 1 : keys > v.total)
    fail("attn_mask", {"its last size is ", keys},
         {"it has to be ", v.total, opset == 23 ? ", which is total_sequence_length, or 1" : " or less, which is ",
          opset == 23 ? " for all" : "total_sequence_length"});
  compat::detail::check_data(view, "attn_mask");
  return view;
}

inline void check_attributes(const AttentionAttributes& a, const Options& o, bool lengths) {
  if (o.opset < 23 || o.opset > 25) fail("opset", {"is ", o.opset}, "it has to be 23, 24 or 25");
  if (a.qk_matmul_output_mode < 0 || a.qk_matmul_output_mode > 3)
    fail("qk_matmul_output_mode", {"is ", a.qk_matmul_output_mode}, "it has to be 0, 1, 2 or 3");
  if (a.scale && !(*a.scale >= 0 && ieee::is_finite(static_cast<float>(*a.scale))))
    fail("scale", {"is ", *a.scale}, "it has to be 0 or more, and finite: Q and K take its root");
  if (a.softcap != 0 && !(a.softcap > 0 && ieee::is_finite(static_cast<float>(a.softcap)) &&
                          ieee::is_finite(static_cast<float>(1 / a.softcap))))
    fail("softcap", {"is ", a.softcap}, "it has to be 0 for none, or positive, and finite as a float");
  if (a.softmax_precision) {
    const int p = *a.softmax_precision;
    if (p != 1 && p != 10 && p != 11 && p != 16)
      fail("softmax_precision", {"is ", p}, "it has to be 1, 10, 11 or 16: float, float16, double or bfloat16");
  }
  for (const auto& [name, size] :
       {std::pair{"left_window_size", a.left_window_size}, std::pair{"right_window_size", a.right_window_size}}) {
    if (size < -1) fail(name, {"is ", size}, "it has to be 0 or more, or -1 for unbounded");
    if (size != -1 && o.opset < 25) fail(name, {"is set in opset ", o.opset}, "it came with opset 25");
  }
  if (lengths && o.opset < 24) fail("nonpad_kv_seqlen", {"is given in opset ", o.opset}, "it came with opset 24");
}

/// The past, and what is present.
template <class T> void take_caches(Views<T>& v, const AttentionInputs<T>& in, const AttentionOutputs<T>& out) {
  const Index batch = v.q.batch(), heads = v.k.heads();
  if (in.past_key.given() != in.past_value.given())
    fail(in.past_key.given() ? "past_value" : "past_key", "is not given", "past_key and past_value go together");
  v.past_k = {nullptr, {batch, heads, 0, v.k.dim()}, {}};
  v.past_v = {nullptr, {batch, heads, 0, v.v.dim()}, {}};
  if (in.past_key.given()) {
    check_rank(in.past_key, "past_key", 4, "");
    v.past_len = in.past_key.dim(2);
    v.past_k = sized_view(in.past_key, "past_key", {batch, heads, v.past_len, v.k.dim()});
    v.past_v = sized_view(in.past_value, "past_value", {batch, heads, v.past_len, v.v.dim()});
  }
  v.total = v.past_len + v.k.length();
  if (out.present_key.given())
    v.present_k = sized_view(out.present_key, "present_key", {batch, heads, v.total, v.k.dim()});
  if (out.present_value.given())
    v.present_v = sized_view(out.present_value, "present_value", {batch, heads, v.total, v.v.dim()});
}

/// nonpad_kv_seqlen: K and V are the whole cache, of which so many positions are valid.
template <class T> void take_lengths(Views<T>& v, const AttentionInputs<T>& in, const AttentionOutputs<T>& out) {
  const Tensor<const std::int64_t>& t = in.nonpad_kv_seqlen;
  if (!t.given()) return;
  if (in.past_key.given() || out.present_key.given() || out.present_value.given())
    fail("nonpad_kv_seqlen", "is given together with a past or present cache",
         "it is for K and V that are the whole cache: one or the other");
  check_rank(t, "nonpad_kv_seqlen", 1, "");
  check_size("nonpad_kv_seqlen", "its size", t.dim(0), v.q.batch(), ", which is batch_size");
  if (t.dim(0) > 1 && t.step(0) != 1) fail("nonpad_kv_seqlen", "its numbers are not side by side", "they have to be");
  if (t.dim(0) > 0) rapt::detail::check_pointer(t.data, "nonpad_kv_seqlen");
  for (Index b = 0; b < t.dim(0); ++b)
    if (t.data[b] < 0 || t.data[b] > v.total)
      fail("nonpad_kv_seqlen", {"number ", b, " is ", t.data[b]},
           {"it has to be from 0 to ", v.total, ", which is kv_sequence_length"});
  v.lengths = t.data;
}

/// Whether a past stands where the present is to begin, in one buffer: then it is there already.
template <class T> bool in_place(const View<const T>& past, View<const T> present) {
  if (past.data == nullptr || present.data == nullptr) return false;
  present.extent[2] = past.length();
  return rapt::detail::same_places(past, present);
}

template <class T> void check_memory(const Views<T>& v) {
  using compat::detail::named;
  const View<const T> none{};
  compat::detail::check_apart({named("Y", v.y), named("present_key", v.present_k), named("present_value", v.present_v),
                               named("qk_matmul_output", v.qk)},
                              {named("Q", v.q), named("K", v.k), named("V", v.v),
                               named("past_key", in_place<T>(v.past_k, v.present_k) ? none : v.past_k),
                               named("past_value", in_place<T>(v.past_v, v.present_v) ? none : v.past_v),
                               named("attn_mask", v.bias), named("attn_mask", v.mask)});
}

/// Checks everything and throws std::invalid_argument, or returns the views.
template <class T>
Views<T> checked(const AttentionInputs<T>& in, const AttentionAttributes& a, const AttentionOutputs<T>& out,
                 const Options& options) {
  check_attributes(a, options, in.nonpad_kv_seqlen.given());
  if (in.Q.rank != 3 && in.Q.rank != 4) fail("Q", {"has ", in.Q.rank, " dimensions"}, "it has to have 3 or 4");
  check_rank(in.K, "K", in.Q.rank, ", as Q");
  check_rank(in.V, "V", in.Q.rank, ", as Q");
  check_rank(out.Y, "Y", in.Q.rank, ", as Q");
  Views<T> v;
  v.q = as_view(in.Q, "Q", a.q_num_heads, "q_num_heads");
  v.k = as_view(in.K, "K", a.kv_num_heads, "kv_num_heads");
  v.v = as_view(in.V, "V", a.kv_num_heads, "kv_num_heads");
  v.y = as_view(out.Y, "Y", a.q_num_heads, "q_num_heads");
  check_size("K", "batch_size", v.k.batch(), v.q.batch(), ", as in Q");
  check_size("V", "batch_size", v.v.batch(), v.q.batch(), ", as in Q");
  check_size("V", "the number of heads", v.v.heads(), v.k.heads(), ", as in K");
  check_size("V", "kv_sequence_length", v.v.length(), v.k.length(), ", as in K");
  check_size("K", "head_size", v.k.dim(), v.q.dim(), ", as in Q");
  if (v.q.heads() % v.k.heads() != 0)
    fail("Q", {"the number of heads is ", v.q.heads()}, {"it has to be a multiple of K's, ", v.k.heads()});
  check_size("Y", "batch_size", v.y.batch(), v.q.batch(), ", as in Q");
  check_size("Y", "the number of heads", v.y.heads(), v.q.heads(), ", as in Q");
  check_size("Y", "the sequence length", v.y.length(), v.q.length(), ", as in Q");
  check_size("Y", "v_head_size", v.y.dim(), v.v.dim(), ", as in V");
  take_caches(v, in, out);
  take_lengths(v, in, out);
  v.masked = v.total;
  if (in.attn_mask.numbers.given() && in.attn_mask.bools.given())
    fail("attn_mask", "is of bools and of numbers", "it has to be one or the other");
  if (in.attn_mask.numbers.given()) v.bias = mask_view(in.attn_mask.numbers, v, options.opset);
  if (in.attn_mask.bools.given()) v.mask = mask_view(in.attn_mask.bools, v, options.opset);
  if (in.attn_mask.given() && options.opset > 23) v.masked = in.attn_mask.bools.given() ? v.mask.dim() : v.bias.dim();
  if (out.qk_matmul_output.given())
    v.qk = sized_view(out.qk_matmul_output, "qk_matmul_output", {v.q.batch(), v.q.heads(), v.q.length(), v.total});
  check_memory(v);
  return v;
}

}  // namespace compat::onnx::detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
