// The formats that weights may be kept in, and what weights come to in each, in scalar code.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "linear/projections.hpp"

namespace rapt_test {

/// A format as an argument: f(Format<rapt::q4_0>()).
template <class W> struct Format { using type = W; };

/// f in every format that is not float itself.
template <class F> void in_every_format(F f) {
  f(Format<Eigen::half>()), f(Format<Eigen::bfloat16>()), f(Format<rapt::int8>());
  f(Format<rapt::q8_0>()), f(Format<rapt::q4_0>()), f(Format<rapt::q4_1>());
  f(Format<rapt::q5_0>()), f(Format<rapt::q5_1>());
}

template <class W> constexpr const char* format_name() {
  if constexpr (std::is_same_v<W, Eigen::half>) return "half";
  if constexpr (std::is_same_v<W, Eigen::bfloat16>) return "bfloat16";
  if constexpr (std::is_same_v<W, rapt::int8>) return "int8";
  if constexpr (std::is_same_v<W, rapt::q8_0>) return "q8_0";
  if constexpr (std::is_same_v<W, rapt::q4_0>) return "q4_0";
  if constexpr (std::is_same_v<W, rapt::q4_1>) return "q4_1";
  if constexpr (std::is_same_v<W, rapt::q5_0>) return "q5_0";
  if constexpr (std::is_same_v<W, rapt::q5_1>) return "q5_1";
}

/// Rows of numbers [out, in] as rows of blocks [out, ceil(in / 32)], the last one filled up with zeros.
template <class B> std::vector<B> blocks_of(const std::vector<float>& weight, Index out, Index in) {
  const Index blocks = (in + 31) / 32;
  std::vector<float> row(at(blocks * 32));
  std::vector<B> found(at(out * blocks));
  for (Index o = 0; o < out; ++o) {
    std::copy_n(weight.begin() + o * in, in, row.begin());
    rapt::quantise<B>(row, std::span(found).subspan(at(o * blocks), at(blocks)));
  }
  return found;
}

/// An output's weights of 8 bits.
inline void round_to_int8(float* row, Index in) {
  float largest = 0;
  for (Index i = 0; i < in; ++i) largest = std::max(largest, std::abs(row[i]));
  const float scale = largest / 127;
  for (Index i = 0; i < in; ++i)
    row[i] = scale * (scale > 0 ? std::min(std::max(std::round(row[i] / scale), -127.0f), 127.0f) : 0.0f);
}

/// What weights [out, in] come to when they are kept as W.
template <class W> std::vector<float> kept(std::vector<float> weight, Index out, Index in) {
  if constexpr (rapt::BlockFormat<W>) {
    const Index blocks = (in + 31) / 32;
    const std::vector<W> all = blocks_of<W>(weight, out, in);
    std::vector<float> row(at(blocks * 32));
    for (Index o = 0; o < out; ++o) {
      rapt::dequantise<W>(std::span(all).subspan(at(o * blocks), at(blocks)), row);
      std::copy_n(row.begin(), in, weight.begin() + o * in);
    }
  } else if constexpr (std::is_same_v<W, rapt::int8>) {
    for (Index o = 0; o < out; ++o) round_to_int8(weight.data() + o * in, in);
  } else {
    for (float& w : weight) w = static_cast<float>(W(w));
  }
  return weight;
}

/// The projection of the weights that p's come to.
template <class W> Projection<float> kept_as(Projection<float> p) {
  p.weight = kept<W>(p.weight, p.extents.out, p.extents.in);
  return p;
}

}  // namespace rapt_test
