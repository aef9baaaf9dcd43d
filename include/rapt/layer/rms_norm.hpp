// RMSNorm: each row divided by its root mean square, and multiplied with weights.
//
// The arithmetic, all of it in the element type, of a row x of n elements:
//
//     s[j] = fma(x[i], x[i], s[j]) for i = j, j + 64, j + 128, … < n, from 0: 64 sums
//     s[j] += s[j + h] for j < h, with h = 32, 16, 8, 4, 2, 1: one sum, by the softmax's tree
//     y[i] = (x[i] · r) · w[i] with r = 1 / sqrt(s[0] / n + eps)
//
// each operation rounded. A NaN becomes the one quiet NaN. reference/rms_norm.hpp says the same in scalar code.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <type_traits>

#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The sums that a row's squares are dealt to, in turn.
inline constexpr Index square_sums = 64;

/// The seam between ordinary code and the regions.
template <class T> struct RmsNormWork {
  /// Positions of an item.
  static constexpr Index block = 16;

  View<const T> x;
  View<T> y;
  const T* weight;  // [dim]
  T eps;

  Index blocks() const { return (y.length() + block - 1) / block; }
  Index items() const { return y.empty() ? 0 : y.batch() * blocks(); }
};

template <class T> using RmsNormKernel = void (*)(const RmsNormWork<T>&, Index item);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/layer/rms_norm-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T> RmsNormKernel<T> rms_norm_kernel(Isa isa) { return RAPT_OF_REGION(isa, rms_norm_kernel<T>()); }
#if RAPT_COMPILED
RAPT_PART RmsNormKernel<float> rms_norm_kernel<float>(Isa);
RAPT_PART RmsNormKernel<double> rms_norm_kernel<double>(Isa);
#endif

template <class T>
void check_rms_norm(const View<const T>& x, std::span<const T> weight, const View<T>& y, double eps) {
  check_view(x, "x", "dim");
  check_view(y, "y", "dim");
  check_same("y", "batch", y.batch(), x.batch(), "x");
  check_same("y", "the number of heads", y.heads(), x.heads(), "x");
  check_same("y", "length", y.length(), x.length(), "x");
  check_same("y", "dim", y.dim(), x.dim(), "x");
  check_same("weight", "its size", static_cast<Index>(weight.size()), x.dim(), "the dims of x");
  check_pointer(weight.data(), "weight");
  if (!(eps >= 0 && ieee::is_finite(eps))) fail("eps", {"is ", eps}, "it has to be finite, and 0 or more");
  if (overlaps_itself(footprint(y)))
    fail("y", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  if (!same_places(x, y) && may_overlap(footprint(x), footprint(y)))
    fail("y", "shares memory with x", "it has to be x itself, or apart from it");
}

}  // namespace detail

/// Everything has a default, and each field can be named: {.eps = 1e-6}.
struct RmsNormOptions {
  double eps = 1e-6;             ///< added to the mean square; rounded to the element type
  Executor* executor = nullptr;  ///< whose threads to use; the calling one if null
  std::optional<Isa> isa{};      ///< the instruction set to use; active_isa() if unset
};

/// Each row of x, [batch, head, position, dim], divided by the root of its mean square and multiplied with the weights
/// [dim], into y, of the same shape: x's own memory, or apart from it (Zhang and Sennrich 2019, arXiv:1910.07467). For
/// hidden states, views of one head: bsd(). Where a model multiplies with 1 + w, as Gemma does, add the 1 beforehand.
/// Any strides; side by side is fast. The bits of a row depend on nothing but that row, the weights and eps.
///
/// Throws std::invalid_argument, before anything is written, for a shape, pointer or option that can't be right. Passes
/// on what an executor throws. Allocates nothing.
template <class X, class T>
void rms_norm(const View<X>& x, std::type_identity_t<std::span<const T>> weight, const View<T>& y,
              const RmsNormOptions& options = {}) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "rapt: rms_norm takes float or double");
  static_assert(std::is_same_v<std::remove_const_t<X>, T>, "rapt: x, the weights and y hold elements of one type");
  const View<const T> in = x;
  detail::check_rms_norm<T>(in, weight, y, options.eps);
  const Index workers = detail::workers_of(options.executor);
  const Isa isa = options.isa ? detail::isa_named(name(*options.isa), "options.isa") : active_isa();
  const detail::RmsNormWork<T> work{in, y, weight.data(), static_cast<T>(options.eps)};
  const detail::RmsNormKernel<T> kernel = detail::rms_norm_kernel<T>(isa);
  detail::run_items(options.executor, std::min(workers, work.items()), work.items(),
                    [&](Index item, int) { kernel(work, item); });
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
