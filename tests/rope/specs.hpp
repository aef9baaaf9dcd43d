// One spec of every kind, by name.
#pragma once

#include <string>
#include <vector>

#include "rapt/rope/axes.hpp"
#include "rapt/rope/scaling.hpp"
#include "rapt/rope/spec.hpp"
#include "rapt/rope/xpos.hpp"

namespace rapt_test {

struct NamedSpec {
  std::string name;
  rapt::rope::Spec spec;
};

/// For rotary_dim, a multiple of 4.
inline std::vector<NamedSpec> every_spec(rapt::Index rotary_dim) {
  namespace rope = rapt::rope;
  const rapt::Index n = rotary_dim / 2;
  const std::vector<double> ones(static_cast<std::size_t>(n), 1.0), threes(static_cast<std::size_t>(n), 3.0);
  return {
      {"standard", rope::standard(rotary_dim)},
      {"given", rope::from_inverse_frequencies(threes)},
      {"proportional", rope::proportional(rotary_dim, rotary_dim / 4 * 2, 1e6)},
      {"linear", rope::linear(rotary_dim, 4)},
      {"ntk", rope::ntk(rotary_dim, 8)},
      {"dynamic_ntk", rope::dynamic_ntk(rotary_dim, {.factor = 2, .original_length = 64, .length = 200})},
      {"yarn", rope::yarn(rotary_dim, {.factor = 40, .original_length = 4096})},
      {"yarn_deepseek",
       rope::yarn(rotary_dim, {.factor = 40, .original_length = 4096, .mscale = 0.707, .mscale_all_dim = 1})},
      {"long_rope",
       rope::long_rope(rotary_dim, {.short_factors = ones, .long_factors = threes, .length = 5000, .factor = 32})},
      {"llama3", rope::llama3(rotary_dim)},
      {"mrope", rope::mrope(rope::standard(rotary_dim, 1e6), {n - n / 2, 0, n / 2})},
      {"mrope_interleaved", rope::mrope_interleaved(rope::standard(rotary_dim, 5e6), {n - n / 3, n / 3, 0})},
      {"vision", rope::vision(rotary_dim)},
      {"vision_dealt", rope::vision(rotary_dim, 10000, rope::Axes::dealt)},
      {"xpos_queries", rope::xpos(rotary_dim, rope::Side::queries)},
      {"xpos_keys", rope::xpos(rotary_dim, rope::Side::keys, {.centre = 100})},
  };
}

}  // namespace rapt_test
