// Rotary embeddings for sequences longer than a model was first trained on.
//
// All of them slow the turning down. They differ in which pairs are slowed: all alike, the slow ones more, or as a
// search has found.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "rapt/core/ieee.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/rope/spec.hpp"

RAPT_NAMESPACE_BEGIN
namespace rope {

/// Position interpolation: everything turns `factor` times slower (Chen et al. 2023, arXiv:2306.15595).
inline Spec linear(Index rotary_dim, double factor, double base = 10000) {
  Spec spec = standard(rotary_dim, base);
  detail::require_positive("rope", "factor", factor);
  for (double& frequency : spec.inverse_frequencies) frequency /= factor;
  return spec;
}

/// NTK-aware scaling: a larger base, base·ratio^(d/(d−2)), so that the fastest pair keeps its pace and the slowest
/// turns `ratio` times slower (bloc97 2023; described in arXiv:2309.00071, section 3.1).
inline Spec ntk(Index rotary_dim, double ratio, double base = 10000) {
  Spec spec = standard(rotary_dim, base);
  detail::require_positive("rope", "ratio", ratio);
  const Index n = spec.pairs();
  if (n > 1)
    spec.inverse_frequencies =
        detail::powers(detail::product(detail::inverse_root(base, n), detail::inverse_root(ratio, n - 1)), n);
  return spec;
}

struct DynamicNtk {
  double factor = 1;
  Index original_length = 2048;  ///< that the model was trained on
  Index length = 0;              ///< of the sequence at hand; up to original_length nothing is scaled
  double base = 10000;
};

/// NTK-aware scaling by what the sequence at hand needs: ratio = factor·length/original_length − (factor − 1)
/// (emozilla 2023; as in Hugging Face Transformers).
inline Spec dynamic_ntk(Index rotary_dim, const DynamicNtk& o) {
  detail::require_number(o.factor >= 1 && ieee::is_finite(o.factor), "rope", "factor", o.factor,
                         "it has to be finite, and 1 or more");
  detail::require(o.original_length >= 1, "rope", "original_length", o.original_length, "it has to be 1 or more");
  detail::require(o.length >= 0, "rope", "length", o.length, "it has to be 0 or more");
  const double stretch =
      static_cast<double>(std::max(o.length, o.original_length)) / static_cast<double>(o.original_length);
  return ntk(rotary_dim, ieee::fma(o.factor, stretch, 1 - o.factor), o.base);
}

/// YaRN's temperature: 0.1·mscale·ln(factor) + 1, and 1 up to a factor of 1. DeepSeek-V2 and V3 multiply the scale of
/// their scores with its square, for their mscale_all_dim: that goes to attention's own Options::scale.
inline double yarn_mscale(double factor, double mscale = 1) {
  detail::require_positive("rope", "factor", factor);
  return factor <= 1 ? 1 : ieee::fma(0.1 * mscale, detail::logarithm(factor), 1.0);
}

struct Yarn {
  double factor = 1;
  Index original_length = 2048;  ///< that the model was trained on
  double base = 10000;
  double beta_fast = 32;  ///< pairs that turn more often than this over original_length keep their pace
  double beta_slow = 1;   ///< pairs that turn less often are slowed by the factor; in between there is a ramp
  bool truncate = true;   ///< the ramp's ends are rounded to whole pairs, outwards
  std::optional<double> attention_factor{};  ///< what follows from the next two, if unset
  double mscale = 0;                         ///< DeepSeek's: if this and the next are not 0, the attention factor is
  double mscale_all_dim = 0;                 ///< yarn_mscale(factor, mscale) / yarn_mscale(factor, mscale_all_dim)
};

/// YaRN: the fast pairs keep their pace, the slow ones turn `factor` times slower (Peng et al. 2023, arXiv:2309.00071).
inline Spec yarn(Index rotary_dim, const Yarn& o) {
  Spec spec = standard(rotary_dim, o.base);
  detail::require_positive("rope", "factor", o.factor);
  detail::require(o.original_length >= 1, "rope", "original_length", o.original_length, "it has to be 1 or more");
  detail::require_number(o.base > 1, "rope", "base", o.base, "it has to be more than 1");
  detail::require_positive("rope", "beta_slow", o.beta_slow);
  detail::require_number(o.beta_fast >= o.beta_slow && ieee::is_finite(o.beta_fast), "rope", "beta_fast", o.beta_fast,
                         "it has to be finite, and beta_slow or more");
  const double dims = static_cast<double>(rotary_dim), length = static_cast<double>(o.original_length);
  // The pair that turns so many times over the original length.
  const auto pair_of = [&](double turns) {
    return dims * detail::logarithm(length / (turns * 2 * std::numbers::pi)) / (2 * detail::logarithm(o.base));
  };
  double low = pair_of(o.beta_fast), high = pair_of(o.beta_slow);
  if (o.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, dims - 1);
  if (low == high) high += 0.001;
  for (Index p = 0; p < spec.pairs(); ++p) {
    double& frequency = spec.inverse_frequencies[static_cast<std::size_t>(p)];
    const double slowed = std::clamp((static_cast<double>(p) - low) / (high - low), 0.0, 1.0);
    frequency = ieee::fma(frequency / o.factor, slowed, frequency * (1 - slowed));
  }
  const bool deepseek = o.mscale != 0 && o.mscale_all_dim != 0;
  spec.attention_factor = o.attention_factor.value_or(
      deepseek ? yarn_mscale(o.factor, o.mscale) / yarn_mscale(o.factor, o.mscale_all_dim) : yarn_mscale(o.factor));
  return spec;
}

struct LongRope {
  std::vector<double> short_factors{};  ///< [rotary_dim / 2], up to original_length
  std::vector<double> long_factors{};   ///< [rotary_dim / 2], beyond
  Index original_length = 4096;         ///< that the model was first trained on
  Index length = 0;                     ///< of the sequence at hand
  double factor = 1;                    ///< the longest length over the original one
  double base = 10000;
  std::optional<double> attention_factor{};  ///< sqrt(1 + ln(factor)/ln(original_length)), or 1 up to 1, if unset
};

/// LongRoPE: each pair is slowed by a factor of its own that a search has found (Ding et al. 2024, arXiv:2402.13753;
/// Phi-3). One pass over a sequence uses either the short or the long factors for all of it.
inline Spec long_rope(Index rotary_dim, const LongRope& o) {
  Spec spec = standard(rotary_dim, o.base);
  detail::require_positive("rope", "factor", o.factor);
  detail::require(o.original_length >= 2, "rope", "original_length", o.original_length, "it has to be 2 or more");
  for (const auto& [factors, name] :
       {std::pair(&o.short_factors, "short_factors"), {&o.long_factors, "long_factors"}}) {
    if (static_cast<Index>(factors->size()) != spec.pairs())
      detail::fail("rope", "the number of " + std::string(name) + " is " + std::to_string(factors->size()),
                   "it has to be " + std::to_string(spec.pairs()) + ", half of rotary_dim");
    for (const double factor : *factors) detail::require_positive("rope", name, factor);
  }
  const std::vector<double>& factors = o.length > o.original_length ? o.long_factors : o.short_factors;
  for (std::size_t p = 0; p < factors.size(); ++p) spec.inverse_frequencies[p] /= factors[p];
  const double stretch = detail::logarithm(o.factor) / detail::logarithm(static_cast<double>(o.original_length));
  spec.attention_factor = o.attention_factor.value_or(o.factor <= 1 ? 1 : ieee::sqrt(1 + stretch));
  return spec;
}

struct Llama3 {
  double factor = 8;
  double low_frequency_factor = 1;   ///< pairs with a wavelength over original_length / this are slowed by the factor
  double high_frequency_factor = 4;  ///< pairs with a wavelength under original_length / this keep their pace
  Index original_length = 8192;      ///< that the model was first trained on
  double base = 500000;
};

/// Llama 3.1's: by wavelength, with a ramp in between (Llama Team 2024, arXiv:2407.21783, and its reference code).
inline Spec llama3(Index rotary_dim, const Llama3& o = {}) {
  Spec spec = standard(rotary_dim, o.base);
  detail::require_positive("rope", "factor", o.factor);
  detail::require_positive("rope", "low_frequency_factor", o.low_frequency_factor);
  detail::require_number(o.high_frequency_factor >= o.low_frequency_factor && ieee::is_finite(o.high_frequency_factor),
                         "rope", "high_frequency_factor", o.high_frequency_factor,
                         "it has to be finite, and low_frequency_factor or more");
  detail::require(o.original_length >= 1, "rope", "original_length", o.original_length, "it has to be 1 or more");
  const double band = o.high_frequency_factor - o.low_frequency_factor;
  for (double& frequency : spec.inverse_frequencies) {
    const double turns = static_cast<double>(o.original_length) * frequency / (2 * std::numbers::pi);
    const double kept = band == 0 ? static_cast<double>(turns > o.low_frequency_factor)  // no pairs in between: Llama 4
                                  : std::clamp((turns - o.low_frequency_factor) / band, 0.0, 1.0);
    frequency = ieee::fma(frequency, kept, frequency / o.factor * (1 - kept));
  }
  return spec;
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
