// ONNX Runtime's tensors as views, for its operators of attention.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "rapt/compat/call.hpp"
#include "rapt/compat/copies.hpp"
#include "rapt/compat/tensor.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/ragged.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnxruntime {

using compat::Options;

namespace detail {

using compat::detail::Buffer, compat::detail::computed_t;
using rapt::detail::fail;

template <class T> void check_rank(const Tensor<T>& t, const char* name, int rank) {
  if (t.rank != rank) fail(name, {"has ", t.rank, " dimensions"}, {"it has to have ", rank});
}
inline void check_size(const char* name, const char* what, Index is, Index wanted, const char* like) {
  if (is != wanted) fail(name, {what, " is ", is}, {"it has to be ", wanted, like});
}

/// [batch, sequence, heads · size] as [batch, head, position, dim]; of a packed tensor, `heads` of them from head
/// `first` on, each of `size`.
template <class T>
View<T> heads_of(const Tensor<T>& t, const char* name, Index heads, Index first = 0, Index size = 0) {
  check_rank(t, name, 3);
  if (size == 0 && t.dim(2) % heads != 0)
    fail(name, {"its last size is ", t.dim(2)}, {"it has to be a multiple of its ", heads, " heads"});
  const Index dim = size == 0 ? t.dim(2) / heads : size;
  View<T> v{t.data, {t.dim(0), heads, t.dim(1), dim}, {t.step(0), dim * t.step(2), t.step(1), t.step(2)}};
  if (t.data != nullptr) v.data += first * dim * t.step(2);
  rapt::detail::check_view(v, name, "head_size");
  return v;
}

/// [batch, heads, sequence, head_size] as it is.
template <class T> View<T> bnsh(const Tensor<T>& t, const char* name) {
  check_rank(t, name, 4);
  const View<T> v{t.data, {t.dim(0), t.dim(1), t.dim(2), t.dim(3)}, {t.step(0), t.step(1), t.step(2), t.step(3)}};
  rapt::detail::check_view(v, name, "head_size");
  return v;
}

/// A past stands where the present begins: then it is there already.
template <class T> bool in_place(const View<const T>& past, const View<T>& present) {
  if (past.data == nullptr || past.data != present.data) return false;
  for (std::size_t i = 0; i < 4; ++i)
    if (past.extent[i] > 1 && past.stride[i] != present.stride[i]) return false;
  return true;
}

template <class T> void check_cache(const View<const T>& cache, const char* name, Index batch, Index heads, Index dim) {
  check_size(name, "batch_size", cache.batch(), batch, ", as in query");
  check_size(name, "the number of heads", cache.heads(), heads, ", which is kv_num_heads");
  check_size(name, "head_size", cache.dim(), dim, ", as in the new ones");
}

inline double scale_of(double scale, Index head_size) {
  if (!(scale >= 0 && ieee::is_finite(scale)))
    fail("scale", {"is ", scale}, "it has to be positive, and finite, or 0 for 1/sqrt(head_size)");
  return scale == 0 ? 1.0 / ieee::sqrt(static_cast<double>(head_size)) : scale;
}

/// A bias [batch or 1, heads or 1, sequence, total] of what is computed in: where it is, or widened.
template <class T> struct AttentionBias {
  Buffer<computed_t<T>> wide{};
  View<const computed_t<T>> view{};

  AttentionBias(const Tensor<const T>& t, Index batch, Index heads, Index length, Index total) {
    if (!t.given()) return;
    const View<const T> v = bnsh(t, "attention_bias");
    if (v.batch() != 1) check_size("attention_bias", "batch_size", v.batch(), batch, ", or 1, as in query");
    if (v.heads() != 1) check_size("attention_bias", "num_heads", v.heads(), heads, ", or 1, as in query");
    check_size("attention_bias", "sequence_length", v.length(), length, ", as in query");
    if (v.dim() < total)
      fail("attention_bias", {"its last size is ", v.dim()}, {"it has to be ", total, ", which is all keys, or more"});
    if constexpr (std::is_same_v<T, computed_t<T>>)
      view = v;
    else
      view = (wide = Buffer<computed_t<T>>(v)).view();
  }
  auto stage() const {
    return rapt::when(view.data != nullptr, view.data != nullptr ? rapt::bias(view) : rapt::Bias<computed_t<T>>{});
  }
};

/// Says in words what the templates below would say in pages.
template <class T> constexpr bool takes() {
  static_assert(CacheElement<T>,
                "rapt: ONNX Runtime's operators take tensors of float, double, Eigen::half or Eigen::bfloat16");
  static_assert(
      requires { sizeof(T); }, "rapt: include <Eigen/Core> before calls with its 16-bit types");
  return CacheElement<T>;
}

/// What is computed of an output, if that is not of its type.
template <class T> struct Computed {
  Buffer<computed_t<T>> wide{};
  View<computed_t<T>> view{};

  explicit Computed(const View<T>& out) {
    if constexpr (std::is_same_v<T, computed_t<T>>)
      view = out;
    else
      view = (wide = Buffer<computed_t<T>>(out.batch(), out.heads(), out.length(), out.dim())).view();
  }
  void round_to(const View<T>& out) {
    if constexpr (!std::is_same_v<T, computed_t<T>>) compat::detail::copy_positions(view, out);
  }
};

template <class T> void fill_rows(const View<T>& out, Index b, Index first, Index last) {
  for (Index h = 0; h < out.heads(); ++h)
    for (Index i = first; i < last; ++i)
      for (Index d = 0; d < out.dim(); ++d) out(b, h, i, d) = T(0);
}

}  // namespace detail
}  // namespace compat::onnxruntime
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
