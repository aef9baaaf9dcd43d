// ONNX Attention (ai.onnx, opsets 23, 24 and 25).
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rapt/attention.hpp"
#include "rapt/compat/copies.hpp"
#include "rapt/compat/onnx/call.hpp"
#include "rapt/compat/onnx/shapes.hpp"
#include "rapt/compat/reach.hpp"
#include "rapt/observe/observe.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnx {
namespace detail {

using compat::detail::Buffer, compat::detail::computed_t, compat::detail::Reach;

/// Which keys a query attends to by its position: is_causal, the windows, nonpad_kv_seqlen.
template <class T> Reach reach_of(const Views<T>& v, const AttentionAttributes& a, const Options& o) {
  const std::int32_t right = compat::detail::bounded(a.right_window_size);
  return {compat::detail::bounded(a.left_window_size),
          a.is_causal && right > 0 ? 0 : right,
          static_cast<std::int32_t>(v.past_len),
          v.lengths,
          v.lengths != nullptr && o.errata == Errata::corrected,
          static_cast<std::int32_t>(v.q.length())};
}

/// What is done to the product of Q and K.
struct Steps {
  bool masks = true, softcap = true;
};

/// As far as an output of qk_matmul_output_mode goes.
inline Steps steps_of(int mode, Errata errata) {
  const bool second = mode >= 2, first = mode >= 1;
  return errata == Errata::corrected ? Steps{second, first} : Steps{first, second};
}

/// Attention's scores for all attributes: one type, so that there is one kernel.
template <class T> struct Scores {
  View<const T> early{}, late{};  // biases before and after the softcap; without data if there are none
  double softcap = 0;
  View<const bool> mask{};
  Reach reach{};

  auto stages(const Steps& steps = {}) const {
    const auto biased = [&](const View<const T>& view) {
      const bool on = steps.masks && view.data != nullptr;
      return rapt::when(on, on ? rapt::bias(view) : rapt::Bias<T>{});
    };
    const bool capped = steps.softcap && softcap != 0;
    return biased(early) | rapt::when(capped, capped ? rapt::softcap(softcap) : rapt::Softcap{}) | biased(late) |
           rapt::when(steps.masks && mask.data != nullptr, rapt::mask(mask)) | rapt::when(steps.masks, reach);
  }
};

/// All that is masked as a bias of −∞, for the order in which a softcap follows it: [batch, heads, q_len, total].
template <class T> Buffer<T> masks_as_bias(const Views<T>& v, const View<const T>& bias, const Reach& reach) {
  constexpr T masked = -std::numeric_limits<T>::infinity();
  Buffer<T> sum(v.q.batch(), v.q.heads(), v.q.length(), v.total);
  const View<T> to = sum.view();
  const auto of = [](const auto& view, Index b, Index h, Index i, Index j) {
    return view(b, h, i, j);  // strides of 0 broadcast
  };
  for (Index b = 0; b < v.q.batch(); ++b)
    for (Index h = 0; h < v.q.heads(); ++h)
      for (Index i = 0; i < v.q.length(); ++i)
        for (Index j = 0; j < v.total; ++j) {
          T& x = to(b, h, i, j);
          x = bias.data == nullptr ? T(0) : j < v.masked ? of(bias, b, h, i, j) : masked;
          if (v.mask.data != nullptr && (j >= v.masked || !of(v.mask, b, h, i, j))) x = masked;
          if (!reach.attends(rapt::detail::coord(b, h, i, j, i))) x = masked;
        }
  return sum;
}

/// The keys, or columns, of a view before and from one on.
template <class T> View<T> before(View<T> view, std::size_t dim, Index end) {
  view.extent[dim] = end;
  return view;
}
template <class T> View<T> from(View<T> view, std::size_t dim, Index first) {
  view.data += first * view.stride[dim];
  view.extent[dim] -= first;
  return view;
}

template <class T> void fill_with(const View<T>& view, T number) {
  for (Index b = 0; b < view.batch(); ++b)
    for (Index h = 0; h < view.heads(); ++h)
      for (Index i = 0; i < view.length(); ++i)
        for (Index j = 0; j < view.dim(); ++j) view(b, h, i, j) = number;
}

/// A call's attention, of views of what is computed in, whatever the elements are kept as. `keys` and `values` are past
/// and new ones together.
template <class T> struct Attention {
  View<const T> q, keys, values;
  View<T> y, qk;  // the latter without data if it is not wanted
  Scores<T> scores;
  Index attended;  // keys that the mask doesn't end before
  Steps shown;     // in qk
  bool softmax;    // and more: probabilities
  rapt::Options<T> options;

  /// `fill` is called when everything is known to be right, and before a key is read.
  template <class Fill> void run(const Fill& fill) const {
    auto plan = rapt::plan(q, before(keys, 2, attended), before(values, 2, attended), y, scores.stages(), options);
    fill();
    if (qk.data != nullptr) show();
    plan.run();
  }

 private:
  /// Beyond the mask's end everything is masked, once masks have been.
  void show() const {
    const Index end = shown.masks ? attended : keys.length();
    const auto k = before(keys, 2, end);
    const auto to = before(qk, 3, end);
    if (softmax)
      rapt::probabilities(q, k, to, scores.stages(), options);
    else
      rapt::scores(q, k, to, scores.stages(shown), options);
    fill_with(from(qk, 3, end), softmax ? T(0) : -std::numeric_limits<T>::infinity());
  }
};

template <class T, class Fill>
void attend(const Views<T>& v, const View<const T>& keys, const View<const T>& values, const AttentionAttributes& a,
            const Options& o, const Fill& fill) {
  const rapt::Options<T> options{.scale = a.scale, .executor = o.executor, .workspace = o.workspace, .isa = o.isa};
  const Reach reach = reach_of(v, a, o);
  Scores<T> scores{{}, v.bias, a.softcap, v.mask, reach};
  Index attended = v.masked;
  Buffer<T> early;
  if (o.errata == Errata::as_released && a.softcap != 0) {
    early = masks_as_bias(v, v.bias, reach);
    scores = {early.view(), {}, a.softcap, {}, {}};
    attended = v.total;
  }
  const int mode = a.qk_matmul_output_mode;
  Attention<T>{v.q, keys, values, v.y, v.qk, scores, attended, steps_of(mode, o.errata), mode == 3, options}.run(fill);
}

/// The past's positions, unless they are there already, and then the new ones.
template <class From, class To>
void concatenate(const View<const From>& past, const View<const From>& fresh, const View<To>& to) {
  if (to.data == nullptr) return;
  if (static_cast<const void*>(past.data) != to.data) compat::detail::copy_positions(past, to);
  compat::detail::copy_positions(fresh, to, past.length());
}

/// Of floats and doubles, keys are read where they are: in the present, if there is a past.
template <class T> void run(const Views<T>& v, const AttentionAttributes& a, const Options& o) {
  Buffer<T> own_k, own_v;  // for what is not wanted
  View<T> keys = v.present_k, values = v.present_v;
  if (v.past_len > 0 && keys.data == nullptr)
    keys = (own_k = Buffer<T>(v.k.batch(), v.k.heads(), v.total, v.k.dim())).view();
  if (v.past_len > 0 && values.data == nullptr)
    values = (own_v = Buffer<T>(v.v.batch(), v.v.heads(), v.total, v.v.dim())).view();
  attend(v, v.past_len > 0 ? View<const T>(keys) : v.k, v.past_len > 0 ? View<const T>(values) : v.v, a, o, [&] {
    concatenate(v.past_k, v.k, keys);
    concatenate(v.past_v, v.v, values);
  });
}

/// 16-bit elements are widened, all of them, and the results rounded.
template <class T> void run_widened(const Views<T>& v, const AttentionAttributes& a, const Options& o) {
  Buffer<float> q(v.q), bias, keys(v.k.batch(), v.k.heads(), v.total, v.k.dim()),
      values(v.v.batch(), v.v.heads(), v.total, v.v.dim()), y(v.y.batch(), v.y.heads(), v.y.length(), v.y.dim()),
      qk(v.qk.batch(), v.qk.heads(), v.qk.length(), v.qk.dim());
  concatenate(v.past_k, v.k, keys.view());
  concatenate(v.past_v, v.v, values.view());
  if (v.bias.data != nullptr) bias = Buffer<float>(v.bias);
  Views<float> wide;
  wide.q = q.view(), wide.y = y.view(), wide.mask = v.mask, wide.lengths = v.lengths;
  wide.past_len = v.past_len, wide.total = v.total, wide.masked = v.masked;
  if (v.bias.data != nullptr) wide.bias = bias.view();
  if (v.qk.data != nullptr) wide.qk = qk.view();
  attend<float>(wide, keys.view(), values.view(), a, o, [&] {
    concatenate(v.past_k, v.k, v.present_k);
    concatenate(v.past_v, v.v, v.present_v);
  });
  compat::detail::copy_positions<const float, T>(y.view(), v.y);
  if (v.qk.data != nullptr) compat::detail::copy_positions<const float, T>(qk.view(), v.qk);
}

}  // namespace detail

/// ONNX Attention, with the specification's names and defaults. T is float, double, Eigen::half or Eigen::bfloat16.
///
/// What the specification leaves open, and where its text, its function and its reference implementation differ:
/// - A row that attends to nothing is 0, and so is its row of mode 3 (ONNX 1.23; before, NaN).
/// - is_causal: query i attends to keys up to past_len + i; with nonpad_kv_seqlen, up to nonpad − q_len + i; with
///   neither, up to i, however many keys there are. The windows count from the same position.
/// - attn_mask of three dimensions is [q_num_heads, q_len, total], as broadcasting has it. From opset 24 on, a mask
/// whose
///   last dimension is shorter than total, be it 1, masks what is beyond it; in opset 23 a 1 is for all keys.
/// - A bool mask together with is_causal is the intersection (the reference implementation before 1.23 made NaN).
/// - Keys beyond nonpad_kv_seqlen, or that a bool mask, is_causal or a window masks, are neither read nor can they
/// reach
///   the result. Where a number of −∞ masks, the weight is 0: a value that is not finite makes NaN, as it does there.
/// - q_num_heads and kv_num_heads with tensors of four dimensions have to be what those have.
///
/// The past may stand where the present begins, in one buffer with room for more positions, as its strides say: then
/// only the new ones are written, behind it.
///
/// Keys and values are read in place; with a past, from present_key and present_value, where they have to go anyway
/// (from memory allocated for the call if those are not wanted). 16-bit elements are widened for the call. With a
/// softcap as released, all masks become one bias of every score, in memory of the call. qk_matmul_output is made score
/// by score on the calling thread: it is for looking at.
///
/// Throws std::invalid_argument, before anything is written, which names the tensor or attribute as ONNX does.
template <class T>
void attention(const AttentionInputs<T>& inputs, const AttentionAttributes& attributes,
               const AttentionOutputs<T>& outputs, const Options& options = {}) {
  static_assert(Element<T> || sizeof(T) == 2,
                "rapt: ONNX Attention is of float, double, Eigen::half or Eigen::bfloat16");
  const detail::Views<T> views = detail::checked(inputs, attributes, outputs, options);
  if constexpr (std::is_same_v<detail::computed_t<T>, T>)
    detail::run(views, attributes, options);
  else
    detail::run_widened(views, attributes, options);
}

}  // namespace compat::onnx
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
