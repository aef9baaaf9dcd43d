// What a projection asks of its matrices.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// "y", or "y[2]" where there are several.
inline std::string nth(const char* name, std::size_t i, std::size_t count) {
  return count == 1 ? name : std::string(name) + "[" + std::to_string(i) + "]";
}

template <class T> void check_matrix(const MatrixView<T>& m, const char* name) {
  require(m.rows >= 0 && m.rows < max_length, name, "the number of rows", m.rows, "it has to be from 0 to 2^30 - 1");
  require(m.columns >= 0 && m.columns < max_length, name, "the number of columns", m.columns,
          "it has to be from 0 to 2^30 - 1");
  require(m.rows <= 1 || std::abs(m.row_stride) <= max_reach / m.rows, name, "the stride of rows", m.row_stride,
          "it has to keep the matrix within 2^56 elements");
  require(m.columns <= 1 || std::abs(m.column_stride) <= max_reach / m.columns, name, "the stride of columns",
          m.column_stride, "it has to keep the matrix within 2^56 elements");
  if (!m.empty()) check_pointer(m.data, name);
}

/// Stacked weights [out, in], of elements S, and a bias [out] each, or none at all.
template <class T, class S>
void check_weights(std::span<const MatrixView<const S>> weights, std::span<const std::span<const T>> biases) {
  if (weights.empty()) fail("weight", "there is none", "there has to be one or more");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string name = nth("weight", i, weights.size());
    check_matrix(weights[i], name.c_str());
    require(weights[i].rows >= 1, name.c_str(), "the number of rows", weights[i].rows, "it has to be 1 or more");
    require(weights[i].columns >= 1, name.c_str(), "the number of columns", weights[i].columns,
            "it has to be 1 or more");
    check_same(name.c_str(), "the number of columns", weights[i].columns, weights[0].columns, "weight[0]");
  }
  if (biases.empty()) return;
  if (biases.size() != weights.size())
    fail("bias", "there are " + std::to_string(biases.size()),
         "there have to be " + std::to_string(weights.size()) + ", one for each weight, or none");
  for (std::size_t i = 0; i < biases.size(); ++i) {
    if (biases[i].empty()) continue;
    const std::string name = nth("bias", i, biases.size()), like = nth("weight", i, weights.size());
    check_same(name.c_str(), "its size", static_cast<Index>(biases[i].size()), weights[i].rows,
               ("the rows of " + like).c_str());
    check_pointer(biases[i].data(), name.c_str());
  }
}

/// Outputs may share no element with the input, with themselves or with each other.
template <class T> void check_apart(const MatrixView<const T>& x, std::span<const MatrixView<T>> y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::string name = nth("y", i, y.size());
    const Footprint written = footprint(y[i]);
    if (overlaps_itself(written))
      fail(name, "two elements may share an address",
           "each needs its own (a stride of 0 broadcasts only what is read)");
    if (may_overlap(written, footprint(x))) fail(name, "shares memory with x", "it has to be apart from what is read");
    for (std::size_t j = 0; j < i; ++j)
      if (may_overlap(written, footprint(y[j])))
        fail(name, "shares memory with " + nth("y", j, y.size()), "it has to be apart from it");
  }
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
