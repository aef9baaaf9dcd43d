// ONNX Attention as its specification has it, written down once more: naive, in double, and with nothing of the
// library.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace rapt_test::onnx {

using Int = std::int64_t;
inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// A tensor of doubles in row-major order.
struct Array {
  std::vector<Int> dims;
  std::vector<double> x;

  Array() = default;
  explicit Array(std::vector<Int> d) : dims(std::move(d)), x(static_cast<std::size_t>(count()), 0.0) {}
  Int count() const {
    Int n = 1;
    for (const Int d : dims) n *= d;
    return n;
  }
  bool given() const { return !dims.empty(); }
  double& at4(Int a, Int b, Int c, Int d) {
    return x[static_cast<std::size_t>(((a * dims[1] + b) * dims[2] + c) * dims[3] + d)];
  }
  double at4(Int a, Int b, Int c, Int d) const { return const_cast<Array*>(this)->at4(a, b, c, d); }
};

/// One node and its inputs.
struct Case {
  std::string name{};
  int opset = 23;
  bool as_released = false;
  bool three_dims = false;  // of Q, K and V
  Int batch = 2, q_heads = 3, kv_heads = 3, q_len = 4, kv_len = 6, head = 8, v_head = 8;
  Int past = -1;                 // length; -1: no past
  std::vector<Int> mask_dims{};  // none: no mask
  bool bool_mask = false;
  bool causal = false;
  double softcap = 0;
  std::optional<double> scale{};
  std::vector<Int> nonpad{};
  int mode = 0;
  bool wants_qk = false;
  Int left = -1, right = -1;
  bool minus_infinity = false;  // in a mask of numbers

  Int total() const { return kv_len + std::max<Int>(past, 0); }
  friend std::ostream& operator<<(std::ostream& to, const Case& c) {
    to << c.name << ": opset " << c.opset << (c.as_released ? " as released" : "") << ", " << (c.three_dims ? 3 : 4)
       << "-D, batch " << c.batch << ", heads " << c.q_heads << "/" << c.kv_heads << ", " << c.q_len << " queries, "
       << c.kv_len << " keys, past " << c.past << ", head " << c.head << "/" << c.v_head << ", mask";
    for (const Int d : c.mask_dims) to << " " << d;
    to << (c.bool_mask ? " bool" : "") << (c.causal ? ", causal" : "") << ", softcap " << c.softcap << ", mode "
       << c.mode << ", window " << c.left << " " << c.right << ", nonpad";
    for (const Int n : c.nonpad) to << " " << n;
    return to;
  }
};

struct Inputs {
  Array Q, K, V, mask, past_key, past_value;
};
struct Outputs {
  Array Y, present_key, present_value, qk;
};

inline void fill_uniform(Array& a, Random& random) {  // as numpy.random.rand does: from 0 to 1
  for (double& x : a.x) x = (random.uniform() + 1) / 2;
}

inline Inputs inputs_of(const Case& c, std::uint64_t seed) {
  Random random(seed);
  const auto shape = [&](Int heads, Int length, Int dim) {
    return Array(c.three_dims ? std::vector<Int>{c.batch, length, heads * dim}
                              : std::vector<Int>{c.batch, heads, length, dim});
  };
  Inputs in{shape(c.q_heads, c.q_len, c.head),
            shape(c.kv_heads, c.kv_len, c.head),
            shape(c.kv_heads, c.kv_len, c.v_head),
            {},
            {},
            {}};
  if (!c.mask_dims.empty()) in.mask = Array(c.mask_dims);
  if (c.past >= 0) {
    in.past_key = Array({c.batch, c.kv_heads, c.past, c.head});
    in.past_value = Array({c.batch, c.kv_heads, c.past, c.v_head});
  }
  for (Array* a : {&in.Q, &in.K, &in.V, &in.mask, &in.past_key, &in.past_value}) fill_uniform(*a, random);
  if (c.bool_mask)
    for (double& x : in.mask.x) x = x < 0.6 ? 1 : 0;
  else if (c.minus_infinity)
    for (double& x : in.mask.x) x = x < 0.4 ? -infinity : x;
  return in;
}

/// [batch, length, heads · dim] becomes [batch, heads, length, dim].
inline Array four_dims(const Array& a, Int heads) {
  if (a.dims.size() == 4) return a;
  const Int length = a.dims[1], dim = a.dims[2] / heads;
  Array to({a.dims[0], heads, length, dim});
  for (Int b = 0; b < a.dims[0]; ++b)
    for (Int s = 0; s < length; ++s)
      for (Int h = 0; h < heads; ++h)
        for (Int d = 0; d < dim; ++d)
          to.at4(b, h, s, d) = a.x[static_cast<std::size_t>((b * length + s) * heads * dim + h * dim + d)];
  return to;
}

inline Array three_dims(const Array& a) {
  const Int heads = a.dims[1], length = a.dims[2], dim = a.dims[3];
  Array to({a.dims[0], length, heads * dim});
  for (Int b = 0; b < a.dims[0]; ++b)
    for (Int s = 0; s < length; ++s)
      for (Int h = 0; h < heads; ++h)
        for (Int d = 0; d < dim; ++d)
          to.x[static_cast<std::size_t>((b * length + s) * heads * dim + h * dim + d)] = a.at4(b, h, s, d);
  return to;
}

/// Concat of past and new along the sequence.
inline Array present_of(const Array& past, const Array& fresh) {
  if (!past.given()) return fresh;
  Array to({fresh.dims[0], fresh.dims[1], past.dims[2] + fresh.dims[2], fresh.dims[3]});
  for (Int b = 0; b < to.dims[0]; ++b)
    for (Int h = 0; h < to.dims[1]; ++h)
      for (Int s = 0; s < to.dims[2]; ++s)
        for (Int d = 0; d < to.dims[3]; ++d)
          to.at4(b, h, s, d) = s < past.dims[2] ? past.at4(b, h, s, d) : fresh.at4(b, h, s - past.dims[2], d);
  return to;
}

/// attn_mask at a place of [batch, q_heads, q_len, total]: the dimensions that it has are the last ones; of size 1,
/// they are for all. Padded behind its last one, if that is shorter, from opset 24 on.
inline double mask_at(const Case& c, const Array& mask, Int b, Int h, Int i, Int j) {
  const Int place[4] = {b, h, i, j};
  const Int keys = mask.dims.back();
  if (c.opset >= 24 && j >= keys) return -infinity;
  Int at = 0;
  for (std::size_t d = 0; d < mask.dims.size(); ++d) {
    const Int p = place[4 - mask.dims.size() + d];
    at = at * mask.dims[d] + (mask.dims[d] == 1 ? 0 : p);
  }
  const double x = mask.x[static_cast<std::size_t>(at)];
  return c.bool_mask ? (x != 0 ? 0 : -infinity) : x;
}

/// What is added to the score: attn_mask, is_causal, the windows, nonpad_kv_seqlen.
inline double bias_at(const Case& c, const Array& mask, Int b, Int h, Int i, Int j) {
  double bias = mask.given() ? mask_at(c, mask, b, h, i, j) : 0;
  Int offset = 0;
  if (c.past >= 0)
    offset = c.past;
  else if (!c.nonpad.empty() && !c.as_released)
    offset = c.nonpad[static_cast<std::size_t>(b)] - c.q_len;
  const Int p = i + offset;
  if (c.causal && j > p) bias = -infinity;
  if (c.left >= 0 && j < p - c.left) bias = -infinity;
  if (c.right >= 0 && j > p + c.right) bias = -infinity;
  if (!c.nonpad.empty() && j >= c.nonpad[static_cast<std::size_t>(b)]) bias = -infinity;
  return bias;
}

inline double capped(double s, double cap) { return cap > 0 ? cap * std::tanh(s / cap) : s; }

/// The operator.
inline Outputs attention(const Case& c, const Inputs& in) {
  const Array Q = four_dims(in.Q, c.q_heads);
  const Array K = present_of(in.past_key, four_dims(in.K, c.kv_heads));
  const Array V = present_of(in.past_value, four_dims(in.V, c.kv_heads));
  const Int total = K.dims[2], group = c.q_heads / c.kv_heads;
  const double scale = c.scale.value_or(1 / std::sqrt(static_cast<double>(c.head)));
  Outputs out{Array({c.batch, c.q_heads, c.q_len, c.v_head}), K, V, Array({c.batch, c.q_heads, c.q_len, total})};
  std::vector<double> score(static_cast<std::size_t>(total)), stage(score);
  for (Int b = 0; b < c.batch; ++b)
    for (Int h = 0; h < c.q_heads; ++h)
      for (Int i = 0; i < c.q_len; ++i) {
        double largest = -infinity, sum = 0;
        for (Int j = 0; j < total; ++j) {
          double product = 0;
          for (Int d = 0; d < c.head; ++d)
            product += std::sqrt(scale) * Q.at4(b, h, i, d) * std::sqrt(scale) * K.at4(b, h / group, j, d);
          const double bias = bias_at(c, in.mask, b, h, i, j);
          double stages[3] = {product, 0, 0};
          if (c.as_released) {
            stages[1] = product + bias;
            stages[2] = capped(stages[1], c.softcap);
          } else {
            stages[1] = capped(product, c.softcap);
            stages[2] = stages[1] + bias;
          }
          score[static_cast<std::size_t>(j)] = stages[2];
          if (c.mode < 3) out.qk.at4(b, h, i, j) = stages[c.mode];
          largest = std::max(largest, stages[2]);
        }
        for (double& s : score) sum += s = largest == -infinity ? 0 : std::exp(s - largest);
        for (Int j = 0; j < total; ++j) {
          const double weight = sum == 0 ? 0 : score[static_cast<std::size_t>(j)] / sum;
          if (c.mode == 3) out.qk.at4(b, h, i, j) = weight;
          for (Int d = 0; d < c.v_head; ++d) out.Y.at4(b, h, i, d) += weight * V.at4(b, h / group, j, d);
        }
      }
  if (c.three_dims) out.Y = three_dims(out.Y);
  return out;
}

}  // namespace rapt_test::onnx
