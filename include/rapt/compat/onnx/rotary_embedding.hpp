// ONNX RotaryEmbedding (ai.onnx, opset 23).
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "rapt/compat/copies.hpp"
#include "rapt/compat/onnx/call.hpp"
#include "rapt/compat/onnx/shapes.hpp"
#include "rapt/compat/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnx {

template <class T> struct RotaryEmbeddingInputs {
  Tensor<const T> X{};          ///< "input": [batch, seq, num_heads · head] or [batch, num_heads, seq, head]
  Tensor<const T> cos_cache{};  ///< [positions, rotary / 2] with position_ids, else [batch, seq, rotary / 2]
  Tensor<const T> sin_cache{};  ///< the same
  Tensor<const std::int64_t> position_ids{};  ///< [batch, seq]; each from 0 to positions − 1
};

struct RotaryEmbeddingAttributes {
  bool interleaved = false;               ///< pairs of neighbours, instead of pairs of halves
  std::int64_t num_heads = 0;             ///< has to be set for three dimensions
  std::int64_t rotary_embedding_dim = 0;  ///< the first so many of a head's elements are turned; 0: all of them
};

namespace detail {

/// A call, all of it checked. The caches are rows side by side, `pairs` long.
template <class T> struct Rotation {
  View<const T> x;
  View<T> y;
  const T *cosines, *sines;
  Index rows, pairs;
  rapt::detail::IntegerMatrix ids{};  // without data: row b · seq + s
};

template <class T> const T* cache_rows(const Tensor<const T>& t, const char* name, const Rotation<T>& r, bool by_id) {
  const int rank = by_id ? 2 : 3;
  check_rank(t, name, rank, by_id ? ", as there are position_ids" : ", as there are no position_ids");
  if (!by_id) {
    check_size(name, "batch_size", t.dim(0), r.x.batch(), ", as in input");
    check_size(name, "sequence_length", t.dim(1), r.x.length(), ", as in input");
  }
  check_size(name, "its last size", t.dim(-1), r.pairs, ", which is half of the dims that are turned");
  const Index rows = by_id ? t.dim(0) : t.dim(0) * t.dim(1);
  if (rows == 0) return t.data;
  if (t.dim(-1) > 1 && t.step(-1) != 1)
    fail(name, "its elements are not side by side", "they have to be, without gaps");
  if ((t.dim(-2) > 1 && t.step(-2) != r.pairs) || (!by_id && t.dim(0) > 1 && t.step(0) != t.dim(1) * r.pairs))
    fail(name, "its rows are not side by side", "they have to be, without gaps");
  rapt::detail::check_pointer(t.data, name);
  return t.data;
}

template <class T>
Rotation<T> checked(const RotaryEmbeddingInputs<T>& in, const RotaryEmbeddingAttributes& a, const Tensor<T>& output) {
  if (in.X.rank != 3 && in.X.rank != 4) fail("input", {"has ", in.X.rank, " dimensions"}, "it has to have 3 or 4");
  check_rank(output, "output", in.X.rank, ", as input");
  if (a.num_heads < 0) fail("num_heads", {"is ", a.num_heads}, "it has to be 0 or more");
  std::optional<std::int64_t> heads;
  if (a.num_heads > 0) heads = a.num_heads;
  if (in.X.rank == 3 && !heads) fail("num_heads", "is not set", "it has to be, as input has three dimensions");
  Rotation<T> r{};
  r.x = as_view(in.X, "input", heads, "num_heads");
  r.y = as_view(output, "output", heads, "num_heads");
  const char* const what[4] = {"batch_size", "the number of heads", "sequence_length", "head_size"};
  for (std::size_t i = 0; i < 4; ++i) check_size("output", what[i], r.y.extent[i], r.x.extent[i], ", as in input");
  const Index turned = a.rotary_embedding_dim == 0 ? r.x.dim() : a.rotary_embedding_dim;
  if (turned < 1 || turned > r.x.dim() || turned % 2 != 0)
    fail("rotary_embedding_dim", {"is ", turned}, {"it has to be even, and at most head_size, ", r.x.dim()});
  r.pairs = turned / 2;
  const bool by_id = in.position_ids.given();
  r.cosines = cache_rows(in.cos_cache, "cos_cache", r, by_id);
  r.sines = cache_rows(in.sin_cache, "sin_cache", r, by_id);
  if (!by_id) return r;

  const Tensor<const std::int64_t>& ids = in.position_ids;
  check_size("sin_cache", "its number of positions", in.sin_cache.dim(0), in.cos_cache.dim(0), ", as in cos_cache");
  check_rank(ids, "position_ids", 2, "");
  check_size("position_ids", "batch_size", ids.dim(0), r.x.batch(), ", as in input");
  check_size("position_ids", "sequence_length", ids.dim(1), r.x.length(), ", as in input");
  static_assert(std::is_same_v<Index, std::int64_t>);
  r.ids = MatrixView<const std::int64_t>{ids.data, ids.dim(0), ids.dim(1), ids.step(0), ids.step(1)};
  if (!r.ids.empty()) rapt::detail::check_pointer(ids.data, "position_ids");
  for (Index b = 0; b < ids.dim(0); ++b)
    for (Index s = 0; s < ids.dim(1); ++s)
      if (r.ids(b, s) < 0 || r.ids(b, s) >= in.cos_cache.dim(0))
        fail("position_ids", {"number ", s, " of batch entry ", b, " is ", r.ids(b, s)},
             {"it has to be from 0 to ", in.cos_cache.dim(0) - 1, ", a row of cos_cache"});
  return r;
}

/// Turns r.x into r.y.
template <class T> void turn(const Rotation<T>& r, bool interleaved, const Options& o) {
  if (r.x.empty()) return;
  const compat::detail::Angles<T> angles{r.cosines, r.sines, r.pairs, interleaved};
  if (r.ids.given()) return compat::detail::turn(r.x, r.y, angles, r.ids, o.executor, o.isa);
  for (Index b = 0; b < r.x.batch(); ++b) {
    View<const T> x = r.x;
    View<T> y = r.y;
    x.data = x.row(b, 0, 0), y.data = y.row(b, 0, 0);
    x.extent[0] = y.extent[0] = 1;
    compat::detail::turn(x, y, angles.from(b * x.length()), {}, o.executor, o.isa);
  }
}

}  // namespace detail

/// ONNX RotaryEmbedding, with the specification's names and defaults. T is float, double, Eigen::half or
/// Eigen::bfloat16 (computed in float). The elements behind rotary_embedding_dim are copied. The output may be the
/// input's own memory. A negative position is an error, as is any beyond the caches.
///
/// Throws std::invalid_argument, before anything is written, which names the tensor or attribute as ONNX does.
template <class T>
void rotary_embedding(const RotaryEmbeddingInputs<T>& inputs, const RotaryEmbeddingAttributes& attributes,
                      const Tensor<T>& output, const Options& options = {}) {
  const detail::Rotation<T> r = detail::checked(inputs, attributes, output);
  if (!rapt::detail::same_places(r.x, r.y))
    compat::detail::check_apart({compat::detail::named("output", r.y)}, {compat::detail::named("input", r.x)});
  else
    compat::detail::check_apart({compat::detail::named("output", r.y)}, {});
  const Index rows = r.ids.given() ? inputs.cos_cache.dim(0) : r.x.batch() * r.x.length();
  for (const auto& [name, data] : {std::pair{"cos_cache", r.cosines}, std::pair{"sin_cache", r.sines}})
    compat::detail::check_apart({compat::detail::named("output", r.y)},
                                {compat::detail::named(name, bsd(data, 1, rows, r.pairs))});

  if constexpr (std::is_same_v<compat::detail::computed_t<T>, T>) {
    detail::turn(r, attributes.interleaved, options);
  } else {
    compat::detail::Buffer<float> x(r.x), cosines(bsd(r.cosines, 1, rows, r.pairs)),
        sines(bsd(r.sines, 1, rows, r.pairs));
    const View<float> wide = x.view();
    detail::turn<float>({wide, wide, cosines.view().data, sines.view().data, r.rows, r.pairs, r.ids},
                        attributes.interleaved, options);
    compat::detail::copy_positions<const float, T>(wide, r.y);
  }
}

}  // namespace compat::onnx
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
