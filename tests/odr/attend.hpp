// What each file of the program computes for itself.
#pragma once

#include <cstddef>
#include <rapt/rapt.hpp>
#include <vector>

std::vector<float> attend_in_one();
std::vector<float> attend_in_two();
std::vector<float> attend_in_native();

namespace {  // each file's own: what they are to share, or not to, is the library's code

/// The outputs of all instruction sets that this CPU has, one after the other.
std::vector<float> attend() {
  constexpr rapt::Index heads = 3, queries = 37, keys = 150, dim = 20;
  std::vector<float> q(heads * queries * dim), k(heads * keys * dim), v(k.size()), all;
  unsigned state = 1;
  for (auto* numbers : {&q, &k, &v})
    for (float& x : *numbers) x = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 8388608.f - 1.f;
  for (rapt::Isa isa : rapt::supported_isas()) {
    std::vector<float> out(q.size());
    rapt::attention(rapt::bshd(q.data(), 1, queries, heads, dim), rapt::bhsd(k.data(), 1, heads, keys, dim),
                    rapt::bhsd(v.data(), 1, heads, keys, dim), rapt::bshd(out.data(), 1, queries, heads, dim),
                    rapt::causal(), {.isa = isa});
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

}  // namespace
