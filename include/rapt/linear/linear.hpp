// Projections: y = x·Wᵀ + b, with the weights packed once.
//
// The arithmetic, for float and double alike:
//
//     y[r][o] = fma(x[r][i], w[o][i], y[r][o]) for i = 0, 1, …, in − 1, from b[o], or from 0 where there is no bias
//
// in the element type, rounded to nearest: one chain of fused multiply-adds for each output, in this order whatever the
// number of rows, the blocking, the threads, the strides or the instruction set, and so the same bits. Any NaN becomes
// the one quiet NaN with nothing in its payload. Weights that are kept narrower are the floats that they stand for: the
// bits are those of a Linear of floats made from these.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/core/large_memory.hpp"
#include "rapt/linear/checks.hpp"
#include "rapt/linear/kernels.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/plan/workspace.hpp"

RAPT_NAMESPACE_BEGIN

/// Everything has a default, and each field can be named: {.executor = &pool}.
struct LinearOptions {
  Executor* executor = nullptr;    ///< whose threads to use; the calling one if null
  Workspace* workspace = nullptr;  ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};        ///< the instruction set to use; active_isa() if unset
};

namespace detail {

/// Whether weights may be kept as W where T is computed in.
template <class T, class W>
inline constexpr bool keeps_as = std::is_same_v<T, W> ||
                                 (std::is_same_v<T, float> &&
                                  (BlockFormat<W> || std::is_same_v<W, int8> || std::is_same_v<W, Eigen::half> ||
                                   std::is_same_v<W, Eigen::bfloat16>));

/// Whether weights in memory can be of W itself.
template <class T, class W> inline constexpr bool takes_narrow = !std::is_same_v<T, W> && !std::is_same_v<W, int8>;

}  // namespace detail

/// One or several projections of the same input, as torch.nn.Linear has them: weights [out, in], an optional bias
/// [out], y = x·Wᵀ + b for any number of rows. `T` is float or double.
///
///     const rapt::Linear<float> wo(rapt::row_major(w, out, in), bias);
///     wo(x, y);                                      // x [rows, in], y [rows, out]
///
///     const rapt::Linear<float> qkv({wq, wk, wv});   // stacked: x is read once
///     qkv(x, {q, k, v}, {.executor = &executor});
///
/// `W` is what the weights are kept as: T, or, where T is float, Eigen::half, Eigen::bfloat16, rapt::int8 (a scale for
/// each output), or blocks of 32 weights along a row, rapt::q8_0, q4_0, q4_1, q5_0 or q5_1 (core/blocks.hpp). It is
/// made of numbers, which are rounded or quantised as the format has it (at the end of a row, what is missing of a
/// block counts as zeros), or of weights that are 16 bits or blocks already:
///
///     const rapt::Linear<float, rapt::q8_0> wo(rapt::row_major(w, out, in), bias);
///     const rapt::Linear<float, rapt::q4_0> up(rapt::block_rows<rapt::q4_0>(data_in_a_gguf_file, out, in));
///
/// Owns a packed copy of the weights, so the matrices it was made from are no longer needed. May be called from several
/// threads at once. Moves, and does not copy; one that was moved from can only be assigned to.
template <class T, class W = T> class Linear {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "rapt: Linear takes float or double");
  static_assert(detail::keeps_as<T, W>,
                "rapt: Linear keeps weights as what it takes, or, of float, as Eigen::half, Eigen::bfloat16, "
                "rapt::int8, q8_0, q4_0, q4_1, q5_0 or q5_1");
  static_assert(
      requires { sizeof(W); }, "rapt: include <Eigen/Core> before a Linear of its 16-bit types");
  using Weights = std::span<const MatrixView<const T>>;
  using NarrowWeights = std::span<const MatrixView<const W>>;
  using Biases = std::span<const std::span<const T>>;
  using Format = detail::PanelFormat<T, W>;

 public:
  /// A weight matrix [out, in] with any strides, and a bias [out] or none. Throws std::invalid_argument for a shape or
  /// pointer that can't be right, and std::bad_alloc.
  explicit Linear(MatrixView<const T> weight, std::span<const T> bias = {})
      : Linear(Weights(&weight, 1), Biases(&bias, 1)) {}

  /// Several weight matrices with as many columns each, and a bias for each (an empty one is none) or none at all.
  Linear(std::initializer_list<MatrixView<const T>> weights, std::initializer_list<std::span<const T>> biases = {})
      : Linear(Weights(weights.begin(), weights.size()), Biases(biases.begin(), biases.size())) {}

  /// The same from arrays.
  explicit Linear(Weights weights, Biases biases = {}) { pack(weights, biases); }

  /// The same from weights that are of 16 bits already, [out, in], or from blocks, [out, in / 32].
  explicit Linear(MatrixView<const W> weight, std::span<const T> bias = {}) requires detail::takes_narrow<T, W>
      : Linear(NarrowWeights(&weight, 1), Biases(&bias, 1)) {}
  Linear(std::initializer_list<MatrixView<const W>> weights,
         std::initializer_list<std::span<const T>> biases = {}) requires detail::takes_narrow<T, W>
      : Linear(NarrowWeights(weights.begin(), weights.size()), Biases(biases.begin(), biases.size())) {}
  explicit Linear(NarrowWeights weights, Biases biases = {}) requires detail::takes_narrow<T, W> {
    pack(weights, biases);
  }

  Index in_features() const noexcept { return in_; }
  /// Of all the outputs together.
  Index out_features() const noexcept {
    Index sum = 0;
    for (const detail::LinearPart& part : parts_) sum += part.out;
    return sum;
  }
  /// How many weight matrices it was made from, and takes outputs for.
  Index outputs() const noexcept { return static_cast<Index>(parts_.size()); }
  /// What the packed weights and biases take, padding included.
  Index bytes() const noexcept { return panels_ * panel_bytes() + bias_bytes(); }

  /// What a call with so many rows needs of its workspace. `side_by_side`: the elements of a row of x.
  Index workspace_bytes(Index rows, Executor* executor = nullptr, bool side_by_side = true) const {
    const detail::LinearSchedule s =
        detail::make_linear_schedule(rows, in_, panels_, sizeof(T), detail::workers_of(executor), widens);
    return s.workers * detail::linear_scratch_bytes(s, side_by_side ? 1 : 2, sizeof(T), widens);
  }

  /// y [rows, out] = x [rows, in] · Wᵀ + b. Strides may be anything, but no two elements of y may share an address, nor
  /// one of y with one of x. Throws std::invalid_argument before anything is written. Allocates nothing if
  /// the workspace is large enough, or if x is a single row with its elements side by side.
  void operator()(MatrixView<const T> x, MatrixView<T> y, const LinearOptions& options = {}) const {
    multiply(x, std::span<const MatrixView<T>>(&y, 1), options);
  }

  /// The same for several weights: an output for each, in the order of the weights.
  void operator()(MatrixView<const T> x, std::initializer_list<MatrixView<T>> y,
                  const LinearOptions& options = {}) const {
    multiply(x, std::span<const MatrixView<T>>(y.begin(), y.size()), options);
  }
  void operator()(MatrixView<const T> x, std::span<const MatrixView<T>> y, const LinearOptions& options = {}) const {
    multiply(x, y, options);
  }

 private:
  /// Whether slices of panels become numbers of T before many rows meet them.
  static constexpr bool widens = !std::is_same_v<T, W>;

  Index panel_bytes() const noexcept { return Format::units(in_) * Index(sizeof(typename Format::Unit)); }
  Index bias_bytes() const noexcept { return panels_ * detail::panel_lanes<T> * Index(sizeof(T)); }
  typename Format::Unit* weights() const noexcept { return reinterpret_cast<typename Format::Unit*>(memory_.data()); }
  T* bias() const noexcept { return reinterpret_cast<T*>(memory_.data() + panels_ * panel_bytes()); }

  template <class S> void pack(std::span<const MatrixView<const S>> weights, Biases biases);
  void check(const MatrixView<const T>& x, std::span<const MatrixView<T>> y) const;
  void multiply(const MatrixView<const T>& x, std::span<const MatrixView<T>> y, const LinearOptions& options) const;

  Index in_ = 0, panels_ = 0;
  std::vector<detail::LinearPart> parts_;
  detail::LargeMemory memory_;  // the panels, then the biases, padded as the panels are
};

template <class T, class W>
template <class S>
void Linear<T, W>::pack(std::span<const MatrixView<const S>> weights, Biases biases) {
  detail::check_weights<T, S>(weights, biases);
  constexpr Index lanes = detail::panel_lanes<T>;
  in_ = weights[0].columns * detail::inputs_of_element<S>;
  for (const MatrixView<const S>& weight : weights) {
    parts_.push_back({weight.rows, panels_});
    panels_ += detail::ceil_div(weight.rows, lanes);
  }
  detail::require(panels_ <= detail::max_reach / lanes / (in_ + 1), "weight", "the number of rows, all together,",
                  out_features(), "it has to keep the weights within 2^56 elements");
  memory_ = detail::LargeMemory(bytes());
  std::fill_n(bias(), panels_ * lanes, T(0));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Format::pack(weights[i], this->weights() + parts_[i].first_panel * Format::units(in_));
    if (!biases.empty()) std::copy(biases[i].begin(), biases[i].end(), bias() + parts_[i].first_panel * lanes);
  }
}

template <class T, class W>
void Linear<T, W>::check(const MatrixView<const T>& x, std::span<const MatrixView<T>> y) const {
  if (memory_.data() == nullptr) detail::fail("linear", "was moved from", "it has to hold weights");
  detail::check_matrix(x, "x");
  detail::check_same("x", "the number of columns", x.columns, in_, "the weights");
  detail::require(y.size() == parts_.size(), "y", "the number of outputs", static_cast<Index>(y.size()),
                  "there has to be one for each weight");
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::string name = detail::nth("y", i, y.size());
    detail::check_matrix(y[i], name.c_str());
    detail::check_same(name.c_str(), "the number of rows", y[i].rows, x.rows, "x");
    detail::check_same(name.c_str(), "the number of columns", y[i].columns, parts_[i].out, "the weights' rows");
  }
  detail::check_apart(x, y);
}

template <class T, class W>
void Linear<T, W>::multiply(const MatrixView<const T>& x, std::span<const MatrixView<T>> y,
                            const LinearOptions& options) const {
  check(x, y);
  const Isa isa = options.isa ? detail::isa_named(name(*options.isa), "options.isa") : active_isa();
  const Index workers = detail::workers_of(options.executor);
  const detail::LinearSchedule s = detail::make_linear_schedule(x.rows, in_, panels_, sizeof(T), workers, widens);
  const Index scratch_bytes = detail::linear_scratch_bytes(s, x.column_stride, sizeof(T), widens);
  Workspace own;
  Workspace& workspace = options.workspace == nullptr ? own : *options.workspace;
  const Workspace::Use use(workspace);
  workspace.reserve(s.workers * scratch_bytes);

  const detail::LinearWork<T, W> work{x, y.data(), parts_.data(), outputs(), weights(), bias(), s};
  const detail::LinearKernel<T, W> kernel = detail::linear_kernel<T, W>(isa);
  detail::run_items(options.executor, s.workers, s.items(), [&](Index item, int worker) {
    kernel.run_item(work, item, workspace.data() + worker * scratch_bytes);
  });
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
