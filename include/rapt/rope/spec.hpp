// What a rotary position embedding is: which dims turn, in which pairs, and how fast.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/types.hpp"
#include "rapt/rope/pairing.hpp"
#include "rapt/rope/powers.hpp"

RAPT_NAMESPACE_BEGIN
namespace rope {

/// A rotary position embedding: a plain value, made by one of the functions of this folder and changed at will.
///
///     rope::Spec spec = rope::llama3(128, {.factor = 8, .original_length = 8192, .base = 500000});
///     spec.pairing = rope::Pairing::interleaved;
struct Spec {
  std::vector<double> inverse_frequencies{};  ///< [pairs], in radians a position; 0 turns nothing
  Pairing pairing = Pairing::half;
  Index offset = 0;               ///< the first rotary dim; all dims outside the rotary ones pass through unchanged
  double attention_factor = 1;    ///< multiplies cosines and sines, and so each score by its square (YaRN, LongRoPE)
  std::vector<int> components{};  ///< [pairs]: which of a position's components each pair turns by; empty is 0 for all
  std::vector<double> growth{};   ///< [pairs]: the scale's logarithm, a position (xPos); empty is none
  double centre = 0;              ///< the position at which that scale is 1

  Index pairs() const { return static_cast<Index>(inverse_frequencies.size()); }
  Index rotary_dim() const { return 2 * pairs(); }
  /// How many numbers make up a position: 1 for text, 3 for M-RoPE, 2 for images.
  Index position_components() const {
    return components.empty() ? 1 : 1 + *std::max_element(components.begin(), components.end());
  }
};

}  // namespace rope

namespace detail {

inline void require_number(bool holds, const char* argument, const std::string& what, double was,
                           const char* had_to_be) {
  if (!holds) fail(argument, {what, " is ", was}, had_to_be);
}

/// Positive and finite. (Written so that NaN is not.)
inline void require_positive(const char* argument, const char* what, double was) {
  require_number(was > 0 && ieee::is_finite(was), argument, what, was, "it has to be finite and more than 0");
}

inline Index checked_pairs(Index rotary_dim) {
  require(rotary_dim >= 2 && rotary_dim % 2 == 0 && rotary_dim < max_length, "rope", "rotary_dim", rotary_dim,
          "it has to be even, 2 or more, and less than 2^30");
  return rotary_dim / 2;
}

/// [pairs]: each number finite.
inline void check_finite(const std::vector<double>& numbers, const char* what) {
  for (std::size_t p = 0; p < numbers.size(); ++p)
    require_number(ieee::is_finite(numbers[p]), "spec", std::string(what) + "[" + std::to_string(p) + "]", numbers[p],
                   "it has to be finite");
}

/// Throws std::invalid_argument unless a table can be made of it.
inline void check_spec(const rope::Spec& spec) {
  require(spec.pairs() >= 1, "spec", "the number of inverse_frequencies", spec.pairs(), "it has to be 1 or more");
  require(spec.offset >= 0 && spec.offset < max_length, "spec", "offset", spec.offset,
          "it has to be from 0 to 2^30 - 1");
  require_number(ieee::is_finite(spec.attention_factor), "spec", "attention_factor", spec.attention_factor,
                 "it has to be finite");
  require_number(ieee::is_finite(spec.centre), "spec", "centre", spec.centre, "it has to be finite");
  const auto check_size = [&](std::size_t size, const char* what) {
    const std::string pairs = std::to_string(spec.pairs());
    if (size != 0 && static_cast<Index>(size) != spec.pairs())
      fail("spec", std::string("the number of ") + what + " is " + std::to_string(size),
           "it has to be 0 or " + pairs + ", as that of inverse_frequencies");
  };
  check_size(spec.components.size(), "components");
  check_size(spec.growth.size(), "growth");
  for (const int component : spec.components)
    require(component >= 0 && component < 16, "spec", "a component", component, "it has to be from 0 to 15");
  check_finite(spec.inverse_frequencies, "inverse_frequencies");
  check_finite(spec.growth, "growth");
}

}  // namespace detail

namespace rope {

/// The rotary embedding of the paper: pair p of n turns by base^(-p/n) radians a position (Su et al. 2021,
/// arXiv:2104.09864). For a partial one, as in GPT-NeoX, rotary_dim is less than head_dim.
///
/// Throws std::invalid_argument if rotary_dim is odd or less than 2, or base isn't positive. So do all makers.
inline Spec standard(Index rotary_dim, double base = 10000) {
  const Index n = detail::checked_pairs(rotary_dim);
  detail::require_positive("rope", "base", base);
  Spec spec;
  spec.inverse_frequencies = detail::powers(detail::inverse_root(base, n), n);
  return spec;
}

/// A spec with inverse frequencies of the caller's own, in radians a position: [rotary_dim / 2].
inline Spec from_inverse_frequencies(std::vector<double> inverse_frequencies) {
  Spec spec;
  spec.inverse_frequencies = std::move(inverse_frequencies);
  detail::check_spec(spec);
  return spec;
}

/// Only the first `turning_dim / 2` pairs turn, at the frequencies that they have among all; the slowest ones stand
/// still, so that far keys can be found by content alone (p-RoPE, Barbero et al. 2024, arXiv:2410.06205; the full
/// attention layers of Gemma 4, where it is called proportional). `factor` divides the frequencies.
///
/// Not the same as a partial embedding: which dims make a pair follows from rotary_dim, usually all of head_dim.
inline Spec proportional(Index rotary_dim, Index turning_dim, double base = 10000, double factor = 1) {
  Spec spec = standard(rotary_dim, base);
  detail::require(turning_dim >= 0 && turning_dim % 2 == 0 && turning_dim <= rotary_dim, "rope", "turning_dim",
                  turning_dim, "it has to be even, and from 0 to rotary_dim");
  detail::require_positive("rope", "factor", factor);
  for (Index p = 0; p < spec.pairs(); ++p) {
    double& frequency = spec.inverse_frequencies[static_cast<std::size_t>(p)];
    frequency = 2 * p < turning_dim ? frequency / factor : 0;
  }
  return spec;
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
