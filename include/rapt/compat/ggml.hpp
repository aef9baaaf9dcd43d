// ggml's flash_attn_ext (llama.cpp, whisper.cpp).
//
//     using rapt::compat::ggml::tensor;                                    // ne, the innermost size first
//     rapt::compat::ggml::flash_attn_ext<Eigen::half, Eigen::half>(        // of keys and values; of the mask
//         {.q = tensor(q, {128, n_tokens, 32, 1}), .k = tensor(k, {128, n_kv, 8, 1}), .v = tensor(v, {128, n_kv, 8,
//         1}),
//          .mask = tensor(mask, {n_kv, n_tokens, 1, 1})},
//         {.scale = 0.088f, .max_bias = 0, .logit_softcap = 0},
//         tensor(dst, {128, 32, n_tokens, 1}), {.executor = &executor});
//
// Source: ggml_flash_attn_ext in ggml/include/ggml.h and ggml/src/ggml-cpu/ops.cpp of github.com/ggml-org/llama.cpp.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/compat/call.hpp"
#include "rapt/compat/tensor.hpp"
#include "rapt/core/ieee.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::ggml {

/// A tensor as ggml has it: four sizes, the innermost first, and strides in bytes. Without data, it isn't there.
template <class T> struct Tensor {
  T* data = nullptr;
  std::array<Index, 4> ne{};
  std::array<Index, 4> nb{};

  constexpr operator Tensor<const T>() const requires(!std::is_const_v<T>) { return {data, ne, nb}; }
};

/// Without gaps.
template <class T> constexpr Tensor<T> tensor(T* data, std::array<Index, 4> ne) {
  const Index size = static_cast<Index>(sizeof(T));
  return {data, ne, {size, size * ne[0], size * ne[0] * ne[1], size * ne[0] * ne[1] * ne[2]}};
}
template <class T> constexpr Tensor<T> tensor(T* data, std::array<Index, 4> ne, std::array<Index, 4> nb) {
  return {data, ne, nb};
}

/// K is what keys are kept as, V what values are, M what the mask is: float, Eigen::half or Eigen::bfloat16.
template <class K, class M, class V = K> struct Inputs {
  Tensor<const float> q{};      ///< [head_dim, n_tokens, n_head, ne3]
  Tensor<const K> k{};          ///< [head_dim, n_kv, n_head_kv, ne3 or what divides it]
  Tensor<const V> v{};          ///< [value_dim, n_kv, n_head_kv, as k]: not transposed
  Tensor<const M> mask{};       ///< [n_kv, n_tokens or more, what divides n_head, what divides ne3], or none
  Tensor<const float> sinks{};  ///< [n_head, 1, 1, 1], or none
};

/// The operation's parameters.
struct Parameters {
  float scale = 1;
  float max_bias = 0;       ///< of ALiBi: 0 for none, 8 as published
  float logit_softcap = 0;  ///< 0: none
};

using compat::Options;

namespace detail {

using rapt::detail::fail;

/// score becomes score + slope of the head · mask; what the mask says −∞ of is left out, whatever stands there.
template <class M> struct SlopedMask {
  View<const M> view{};  // [batch, heads, rows, keys] as the mask has them: they repeat
  const float* slopes = nullptr;
  std::int32_t first_batch = 0;  // of the call's entries

  const M* row(std::int32_t batch, std::int32_t head, std::int32_t row) const {
    return view.row((first_batch + batch) % view.batch(), head % view.heads(), row);
  }
  float at(Coord c) const { return rapt::detail::widened(row(c.batch, c.head, c.row)[c.key * view.stride[3]]); }

  bool attends(Coord c) const { return at(c) != -std::numeric_limits<float>::infinity(); }
  float change(float score, Coord c) const { return score + ieee::fma(slopes[c.head], at(c), 0.0f); }
  Coverage covers(const Box& box) const {
    bool any = false, all = true;
    const std::int32_t rows = box.last_query - box.first_query + 1;
    const std::int32_t heads =
        static_cast<std::int32_t>(std::min<Index>(view.heads(), box.last_head - box.first_head + 1));
    for (std::int32_t h = 0; h < heads; ++h)
      for (std::int32_t i = 0; i < rows; ++i) {
        const M* const numbers = row(box.batch, box.first_head + h, box.first_row + i);
        for (std::int32_t j = box.first_key; j <= box.last_key; ++j) {
          const bool attended =
              rapt::detail::widened(numbers[j * view.stride[3]]) != -std::numeric_limits<float>::infinity();
          any |= attended;
          all &= attended;
        }
        if (any && !all) return Coverage::some;
      }
    return !any ? Coverage::none : all ? Coverage::all : Coverage::some;
  }
  std::string describe() const { return "ggml's mask"; }
};

/// ALiBi's slopes as ggml has them: 1 without max_bias.
inline std::vector<float> slopes_of(Index heads, float max_bias) {
  std::vector<float> slopes(static_cast<std::size_t>(heads), 1.0f);
  if (max_bias <= 0) return slopes;
  const Index whole = static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(heads)));
  const double per_head = static_cast<double>(max_bias) / static_cast<double>(whole);
  for (Index h = 0; h < heads; ++h) {
    const double exponent =
        h < whole ? per_head * static_cast<double>(h + 1) : per_head / 2 * static_cast<double>(2 * (h - whole) + 1);
    slopes[static_cast<std::size_t>(h)] = static_cast<float>(std::exp2(-exponent));
  }
  return slopes;
}

/// A tensor as a view: `order` says which of its dimensions are batch, heads, positions and the innermost.
template <class T> View<T> view_of(const Tensor<T>& t, const char* name, const std::array<std::size_t, 4>& order) {
  View<T> v{t.data, {}, {}};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t d = order[i];
    const Index size = static_cast<Index>(sizeof(T));
    if (t.ne[d] < 0 || t.ne[d] >= rapt::detail::max_length)
      fail(name, {"ne[", d, "] is ", t.ne[d]}, "it has to be from 0 to 2^30 - 1");
    if (t.ne[d] > 1 && t.nb[d] % size != 0)
      fail(name, {"nb[", d, "] is ", t.nb[d]}, {"it has to be a multiple of the ", size, " bytes of an element"});
    v.extent[i] = t.ne[d];
    v.stride[i] = t.nb[d] / size;
  }
  compat::detail::check_data(v, name);
  return v;
}

inline void check_ne(const char* name, int i, Index is, Index wanted, const char* like) {
  if (is != wanted) fail(name, {"ne[", i, "] is ", is}, {"it has to be ", wanted, ", as ", like});
}
inline void check_divides(const char* name, int i, Index is, Index of, const char* like) {
  if (of != 0 && (is < 1 || of % is != 0)) fail(name, {"ne[", i, "] is ", is}, {"it has to divide ", of, ", ", like});
}

template <class K, class M, class V>
void check(const Inputs<K, M, V>& in, const Parameters& p, const Tensor<float>& dst) {
  check_ne("k", 0, in.k.ne[0], in.q.ne[0], "q's");
  check_ne("v", 1, in.v.ne[1], in.k.ne[1], "k's");
  check_ne("v", 2, in.v.ne[2], in.k.ne[2], "k's");
  check_ne("v", 3, in.v.ne[3], in.k.ne[3], "k's");
  check_divides("k", 2, in.k.ne[2], in.q.ne[2], "q's");
  check_divides("k", 3, in.k.ne[3], in.q.ne[3], "q's");
  check_ne("dst", 0, dst.ne[0], in.v.ne[0], "v's");
  check_ne("dst", 1, dst.ne[1], in.q.ne[2], "q's ne[2]");
  check_ne("dst", 2, dst.ne[2], in.q.ne[1], "q's ne[1]");
  check_ne("dst", 3, dst.ne[3], in.q.ne[3], "q's");
  if (in.mask.data != nullptr) {
    check_ne("mask", 0, in.mask.ne[0], in.k.ne[1], "k's ne[1]");
    if (in.mask.ne[1] < in.q.ne[1])
      fail("mask", {"ne[1] is ", in.mask.ne[1]}, {"it has to be ", in.q.ne[1], " or more, which is q's"});
    check_divides("mask", 2, in.mask.ne[2], in.q.ne[2], "q's");
    check_divides("mask", 3, in.mask.ne[3], in.q.ne[3], "q's");
  } else if (p.max_bias > 0) {
    fail("max_bias", {"is ", p.max_bias}, "it has to be 0 without a mask, which it is a factor of");
  }
  if (in.sinks.data != nullptr) {
    check_ne("sinks", 0, in.sinks.ne[0], in.q.ne[2], "q's ne[2]");
    if (in.sinks.ne[0] > 1 && in.sinks.nb[0] != Index(sizeof(float)))
      fail("sinks", "its numbers are not side by side", "they have to be");
    rapt::detail::check_pointer(in.sinks.data, "sinks");
  }
  if (!(p.max_bias >= 0 && ieee::is_finite(p.max_bias)))
    fail("max_bias", {"is ", p.max_bias}, "it has to be 0 or more, and finite");
  if (p.logit_softcap != 0 && !(p.logit_softcap > 0 && ieee::is_finite(p.logit_softcap)))
    fail("logit_softcap", {"is ", p.logit_softcap}, "it has to be 0 for none, or positive");
}

/// Entries [first, first + count) of the batch.
template <class T> View<T> entries(View<T> v, Index first, Index count) {
  v.data += v.data == nullptr ? 0 : first * v.stride[0];
  v.extent[0] = count;
  return v;
}

}  // namespace detail

/// ggml_flash_attn_ext: dst = softmax(scale · q kᵀ, softcapped, + slope · mask) v, for each head.
///
///   dst  [value_dim, n_head, n_tokens, ne3]: permuted, as ggml has it
///
/// - logit_softcap c: c · tanh(scale · qk / c), before the mask. (ggml divides its scale by c first: the same number.)
/// - max_bias: each head's slope multiplies the mask, which holds the distances; without it the slope is 1.
/// - A key that the mask says −∞ of is left out; its value may be anything. Whole tiles of those are not read.
/// - mask repeats over heads and entries (head h has its part h % ne[2]); keys and values are shared by consecutive
///   ones. sinks: one more logit a head in the softmax.
/// - A row that attends to nothing is 0.
/// Queries are not rounded to the keys' type, as ggml does with 16 bits: the result is rapt's, exact to rounding in
/// float. Keys and values are read in place, of 16 bits too, each of a type of its own.
///
/// Throws std::invalid_argument, before anything is written, which names the tensor and its ne or nb.
template <class K = float, class M = float, class V = K>
void flash_attn_ext(const Inputs<K, M, V>& inputs, const Parameters& parameters, const Tensor<float>& dst,
                    const Options& options = {}) {
  using compat::detail::named;
  constexpr std::array<std::size_t, 4> usual{3, 2, 1, 0}, permuted{3, 1, 2, 0};
  detail::check(inputs, parameters, dst);
  const auto q = detail::view_of(inputs.q, "q", usual);
  const auto k = detail::view_of(inputs.k, "k", usual);
  const auto v = detail::view_of(inputs.v, "v", usual);
  const auto out = detail::view_of(dst, "dst", permuted);
  if (q.heads() < 1 || q.dim() < 1 || v.dim() < 1 || (q.batch() > 0 && k.batch() < 1))
    detail::fail("q", {"has ", q.heads(), " heads of ", q.dim(), " elements"}, "both have to be 1 or more, as in v");
  const bool masked = inputs.mask.data != nullptr, sunk = inputs.sinks.data != nullptr;
  const auto mask = masked ? detail::view_of(inputs.mask, "mask", usual) : View<const M>{};
  compat::detail::check_apart({named("dst", out)},
                              {named("q", q), named("k", k), named("v", v), named("mask", mask),
                               named("sinks", bsd(inputs.sinks.data, 1, 1, sunk ? q.heads() : 0))});
  if (q.batch() == 0) return;

  const std::vector<float> slopes = detail::slopes_of(q.heads(), parameters.max_bias);
  const float cap = parameters.logit_softcap;
  // Keys and values of one entry are shared by `together` of queries.
  const Index together = q.batch() / k.batch(), calls = together == 1 ? 1 : k.batch(), count = q.batch() / calls;
  for (const bool run : {false, true}) {  // of several calls, all are planned before any is run
    if (!run && calls == 1) continue;
    for (Index call = 0; call < calls; ++call) {
      const detail::SlopedMask<M> part{mask, slopes.data(), static_cast<std::int32_t>(call * count)};
      const auto at = [&](const auto& kv) {
        auto one = together == 1 ? kv : detail::entries(kv, call, count);
        if (together > 1) one.stride[0] = 0;
        return one;
      };
      auto plan =
          rapt::plan(detail::entries(q, call * count, count), at(k), at(v), detail::entries(out, call * count, count),
                     rapt::when(cap != 0, rapt::softcap(static_cast<double>(cap))) | rapt::when(masked, part) |
                         rapt::when(sunk, sunk ? rapt::sinks(inputs.sinks.data, q.heads()) : rapt::HeadSinks<float>{}),
                     rapt::Options<float>{.scale = static_cast<double>(parameters.scale),
                                          .executor = options.executor,
                                          .workspace = options.workspace,
                                          .isa = options.isa});
      if (run) plan.run();
    }
  }
}

}  // namespace compat::ggml
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
