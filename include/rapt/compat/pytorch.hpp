// PyTorch's scaled_dot_product_attention.
//
//     using rapt::compat::tensor;
//     rapt::compat::pytorch::scaled_dot_product_attention<float>(
//         tensor(query, {2, 32, 128, 64}), tensor(key, {2, 8, 128, 64}), tensor(value, {2, 8, 128, 64}),
//         tensor(output, {2, 32, 128, 64}), {.is_causal = true, .enable_gqa = true}, {.executor = &executor});
//
// Source: the documentation of torch.nn.functional.scaled_dot_product_attention, and aten/src/ATen/native/transformers/
// attention.cpp (its math path) of github.com/pytorch/pytorch, version 2.5 and later.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "rapt/attention.hpp"
#include "rapt/compat/call.hpp"
#include "rapt/compat/copies.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::pytorch {

using compat::AttnMask, compat::Options;

/// The function's arguments besides its tensors, with their names and defaults.
template <class T> struct Arguments {
  AttnMask<T> attn_mask{};        ///< broadcasts to [..., heads, L, S]; not together with is_causal
  double dropout_p = 0;           ///< has to be 0
  bool is_causal = false;         ///< query i attends to keys 0 to i, however many keys there are
  std::optional<double> scale{};  ///< 1/sqrt(E) if unset
  bool enable_gqa = false;        ///< key and value have fewer heads, which divide query's
};

namespace detail {

using rapt::detail::fail;

/// The leading dimensions beyond [N, heads, ., .], one after the other: each entry of them is a call.
struct Outer {
  int rank = 0;
  std::array<Index, 8> size{};

  Index count() const {
    Index n = 1;
    for (int i = 0; i < rank; ++i) n *= size[static_cast<std::size_t>(i)];
    return n;
  }
  /// Elements from the first entry of a tensor to the given one. Dimensions are counted from the last.
  template <class T> Index offset(const Tensor<T>& t, Index entry) const {
    Index at = 0;
    for (int i = rank; i-- > 0;) {
      const Index size_i = size[static_cast<std::size_t>(i)], place = entry % size_i;
      entry /= size_i;
      const int d = t.rank - 4 - (rank - i);
      if (d >= 0 && t.dim(d) != 1) at += place * t.step(d);
    }
    return at;
  }
};

/// The size that dimensions have together: NumPy's rule.
inline Index joined(const char* name, int from_last, Index is, Index wanted) {
  if (is != wanted && is != 1 && wanted != 1)
    fail(name, {"dimension ", from_last, " is ", is}, {"it has to be ", wanted, " as in the other tensors, or 1"});
  return is == 1 ? wanted : is;
}

/// A call's sizes, all of them checked.
struct Sizes {
  Outer outer;
  Index batch = 1, q_heads = 1, kv_heads = 1, length = 0, keys = 0, dim = 0, value_dim = 0;
};

/// The last four dimensions of a tensor as a view with `heads` heads and `batch` entries, which may be broadcast.
template <class T> View<T> last_four(const Tensor<T>& t, Index batch, Index heads) {
  View<T> v = compat::detail::broadcasting(t);
  if (t.rank < 3 || t.dim(-3) == 1) v.stride[1] = 0;
  v.extent[0] = batch;
  v.extent[1] = heads;
  v.stride[2] = t.step(-2), v.stride[3] = t.step(-1);
  return v;
}

template <class T> Index heads_of(const Tensor<T>& t) { return t.rank < 3 ? 1 : t.dim(-3); }

template <class T> void check_rank(const Tensor<T>& t, const char* name) {
  if (t.rank < 2) fail(name, {"has ", t.rank, " dimensions"}, "it has to have 2 or more");
}
inline void check_size(const char* name, const char* what, Index is, Index wanted, const char* like) {
  if (is != wanted) fail(name, {what, " is ", is}, {"it has to be ", wanted, ", as in ", like});
}

template <class T>
Sizes sizes_of(const Tensor<const T>& query, const Tensor<const T>& key, const Tensor<const T>& value,
               const Tensor<T>& output, bool enable_gqa) {
  check_rank(query, "query");
  check_rank(key, "key");
  check_rank(value, "value");
  check_rank(output, "output");
  check_size("key", "its last size", key.dim(-1), query.dim(-1), "query");
  check_size("value", "its length", value.dim(-2), key.dim(-2), "key");
  Sizes s;
  s.length = query.dim(-2), s.keys = key.dim(-2), s.dim = query.dim(-1), s.value_dim = value.dim(-1);
  if (s.dim < 1 || s.value_dim < 1) fail("query", "has vectors without elements", "they have to have 1 or more");
  s.q_heads = heads_of(query), s.kv_heads = heads_of(key);
  check_size("value", "the number of heads", heads_of(value), s.kv_heads, "key");
  if (s.kv_heads != s.q_heads) {
    if (enable_gqa ? s.kv_heads < 1 || s.q_heads % s.kv_heads != 0 : s.kv_heads != 1 && s.q_heads != 1)
      fail("key", {"the number of heads is ", s.kv_heads},
           {enable_gqa ? "it has to divide query's, " : "without enable_gqa it has to be 1, or query's: ", s.q_heads});
    if (s.q_heads == 1) s.q_heads = s.kv_heads;  // one query head for all
  }
  const int rank = std::max({query.rank, key.rank, value.rank, 4});
  s.outer.rank = rank - 4;
  for (int from_last = -4; from_last >= -rank; --from_last) {
    Index size = 1;
    const auto join = [&](const auto& t, const char* name) {
      if (t.rank >= -from_last) size = joined(name, from_last, t.dim(from_last), size);
    };
    join(query, "query");
    join(key, "key");
    join(value, "value");
    (from_last == -4 ? s.batch : s.outer.size[static_cast<std::size_t>(rank + from_last)]) = size;
  }
  const int wanted_rank = std::max({query.rank, key.rank, value.rank});
  if (output.rank != wanted_rank)
    fail("output", {"has ", output.rank, " dimensions"}, {"it has to have ", wanted_rank, ", as the inputs together"});
  for (int i = 1; i <= output.rank; ++i) {
    const Index wanted = i == 1   ? s.value_dim
                         : i == 2 ? s.length
                         : i == 3 ? s.q_heads
                         : i == 4 ? s.batch
                                  : s.outer.size[static_cast<std::size_t>(rank - i)];
    if (output.dim(-i) != wanted)
      fail("output", {"dimension -", i, " is ", output.dim(-i)}, {"it has to be ", wanted, ", as the inputs have it"});
  }
  return s;
}

template <class M> void check_mask(const Tensor<M>& t, const Sizes& s) {
  const Index wanted[4] = {s.keys, s.length, s.q_heads, s.batch};
  for (int i = 1; i <= t.rank; ++i) {
    const int outer = s.outer.rank - (i - 4);
    const Index size = i <= 4 ? wanted[i - 1] : outer >= 0 ? s.outer.size[static_cast<std::size_t>(outer)] : 1;
    if (t.dim(-i) != size && t.dim(-i) != 1)
      fail("attn_mask", {"dimension -", i, " is ", t.dim(-i)}, {"it has to be ", size, ", or 1 for all"});
  }
}

/// With outer dimensions, whose entries are looked at one by one: the bytes that a whole tensor lies within.
template <class T> rapt::detail::Footprint extent_of(const Tensor<T>& t) {
  rapt::detail::Footprint f;
  Index below = 0, above = 0;
  for (int i = 0; i < t.rank; ++i) {
    if (t.dim(i) == 0) return f;
    (t.step(i) < 0 ? below : above) += (t.dim(i) - 1) * t.step(i);
  }
  if (t.data == nullptr) return f;
  const Index size = static_cast<Index>(sizeof(T));
  f.begin = reinterpret_cast<std::intptr_t>(t.data) + below * size;
  f.element = (above - below + 1) * size;
  return f;
}

/// That no entry's output is in the way of another entry: outputs that don't overlap, and lie apart from all inputs.
template <class T> void check_outer(const Tensor<T>& output, std::initializer_list<compat::detail::Named> read) {
  std::array<std::pair<Index, Index>, 8> dims{};  // stride and size, ascending
  int count = 0;
  for (int i = 0; i < output.rank; ++i)
    if (output.dim(i) > 1) dims[static_cast<std::size_t>(count++)] = {std::abs(output.step(i)), output.dim(i)};
  std::sort(dims.begin(), dims.begin() + count);
  Index reach = 1;
  for (int i = 0; i < count; ++i) {
    const auto& [step, size] = dims[static_cast<std::size_t>(i)];
    if (step < reach) fail("output", "two elements may share an address", "each needs its own");
    reach += (size - 1) * step;
  }
  for (const compat::detail::Named& r : read)
    if (rapt::detail::may_overlap(extent_of(output), r.memory))
      fail("output", {"shares memory with ", r.name}, "it has to be apart from what is read");
}

/// What masks one entry of the outer dimensions; views without data are none.
template <class T> struct Masks {
  View<const bool> bools{};
  View<const T> numbers{};
  bool is_causal = false;

  /// One type for all of them, so that there is one kernel.
  auto scores() const {
    const bool biased = numbers.data != nullptr;
    return rapt::when(biased, biased ? rapt::bias(numbers) : rapt::Bias<T>{}) |
           rapt::when(bools.data != nullptr, rapt::mask(bools)) |
           (is_causal ? rapt::causal(rapt::align::top_left) : rapt::Band{.align = rapt::align::top_left});
  }
};

/// One entry: planned, and run if that is wanted. 16 bits are widened first, and the result is rounded.
template <class T>
void attend(const View<const T>& q, const View<const T>& k, const View<const T>& v, const View<T>& out,
            const Masks<T>& masks, const std::optional<double>& scale, const Options& o, bool run) {
  using C = compat::detail::computed_t<T>;
  if constexpr (std::is_same_v<C, T>) {
    auto plan =
        rapt::plan(q, k, v, out, masks.scores(),
                   rapt::Options<T>{.scale = scale, .executor = o.executor, .workspace = o.workspace, .isa = o.isa});
    if (run) plan.run();
  } else {
    using compat::detail::Buffer;
    Buffer<C> wide_q(q), wide_k(k), wide_v(v), bias, wide(out.batch(), out.heads(), out.length(), out.dim());
    Masks<C> wide_masks{masks.bools, {}, masks.is_causal};
    if (masks.numbers.data != nullptr) wide_masks.numbers = (bias = Buffer<C>(masks.numbers)).view();
    attend<C>(wide_q.view(), wide_k.view(), wide_v.view(), wide.view(), wide_masks, scale, o, run);
    if (run) compat::detail::copy_positions<const C, T>(wide.view(), out);
  }
}

template <class T> Tensor<T> moved(Tensor<T> t, const Outer& outer, Index entry) {
  t.data += t.data == nullptr ? 0 : outer.offset(t, entry);
  return t;
}

}  // namespace detail

/// torch.nn.functional.scaled_dot_product_attention. T is float, double, Eigen::half or Eigen::bfloat16 (computed in
/// float, in copies that are made for the call).
///
///   query [N, ..., Hq, L, E]   key [N, ..., H, S, E]   value [N, ..., H, S, Ev]   output [N, ..., Hq, L, Ev]
///
/// of 2 to 8 dimensions, with any strides; dimensions before the last two are broadcast. As documented there:
/// - attn_mask of bools: true takes part; of numbers: added to the scores. With is_causal it is an error.
/// - is_causal is top-left: query i attends to keys 0 to i, however many keys there are.
/// - A row that attends to nothing is 0, as in PyTorch's math path from 2.5 on (before, NaN).
/// - dropout_p other than 0 is an error: this is inference.
/// The arithmetic is rapt's: exact to rounding, but not PyTorch's bits.
///
/// Throws std::invalid_argument, before anything is written, which names the argument as PyTorch does.
template <class T>
void scaled_dot_product_attention(const Tensor<const T>& query, const Tensor<const T>& key,
                                  const Tensor<const T>& value, const Tensor<T>& output,
                                  const Arguments<T>& arguments = {}, const Options& options = {}) {
  using compat::detail::named;
  if (arguments.dropout_p != 0)
    detail::fail("dropout_p", {"is ", arguments.dropout_p}, "it has to be 0: this is inference");
  if (arguments.is_causal && arguments.attn_mask.given())
    detail::fail("attn_mask", "is set, and so is is_causal", "it has to be one or the other");
  if (arguments.attn_mask.bools.given() && arguments.attn_mask.numbers.given())
    detail::fail("attn_mask", "is of bools and of numbers", "it has to be one or the other");
  const detail::Sizes s = detail::sizes_of(query, key, value, output, arguments.enable_gqa);
  detail::check_mask(arguments.attn_mask.bools, s);
  detail::check_mask(arguments.attn_mask.numbers, s);

  if (s.outer.rank > 0)
    detail::check_outer(output, {{"query", detail::extent_of(query)},
                                 {"key", detail::extent_of(key)},
                                 {"value", detail::extent_of(value)},
                                 {"attn_mask", detail::extent_of(arguments.attn_mask.bools)},
                                 {"attn_mask", detail::extent_of(arguments.attn_mask.numbers)}});

  // Planning finds out whether everything is right: of several entries, all are planned before any is run.
  const bool several = s.outer.count() > 1;
  for (const bool run : {false, true}) {
    if (!run && !several) continue;
    for (Index entry = 0; entry < s.outer.count(); ++entry) {
      const auto part = [&](const auto& t) { return detail::moved(t, s.outer, entry); };
      const View<const T> q = detail::last_four(part(query), s.batch, s.q_heads);
      const View<const T> k = detail::last_four(part(key), s.batch, s.kv_heads);
      const View<const T> v = detail::last_four(part(value), s.batch, s.kv_heads);
      const View<T> out = detail::last_four(part(output), s.batch, s.q_heads);
      const auto bools = compat::detail::broadcasting(part(arguments.attn_mask.bools));
      const auto numbers = compat::detail::broadcasting(part(arguments.attn_mask.numbers));
      if (!run || !several) {
        compat::detail::check_data(q, "query");
        compat::detail::check_data(k, "key");
        compat::detail::check_data(v, "value");
        compat::detail::check_data(out, "output");
        if (arguments.attn_mask.given() && s.keys > 0)
          arguments.attn_mask.bools.given() ? compat::detail::check_data(bools, "attn_mask")
                                            : compat::detail::check_data(numbers, "attn_mask");
        compat::detail::check_apart({named("output", out)}, {named("query", q), named("key", k), named("value", v),
                                                             named("attn_mask", bools), named("attn_mask", numbers)});
      }
      const detail::Masks<T> masks{bools, numbers, arguments.is_causal};
      detail::attend(q, k, v, out, masks, arguments.scale, options, run);
    }
  }
}

}  // namespace compat::pytorch
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
