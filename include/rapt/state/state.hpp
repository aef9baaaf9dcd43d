// What attention to some of the keys has come to: an output and its logsumexp.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>
#include <type_traits>

#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN

/// An output [batch, heads, q_len, value_dim], normalised, and the logsumexp [batch, heads, q_len] that it was
/// normalised with, a natural logarithm: what attention() writes. States of disjoint keys merge into that of all of
/// them: merge(). A row that has seen no key has output 0 and logsumexp −∞, and changes nothing.
template <class T> struct AttentionState {
  View<T> out;
  LogSumExp<T> lse;

  /// A state that may be written is one that may be read.
  constexpr operator AttentionState<const T>() const requires(!std::is_const_v<T>) {
    return {out, {lse.data, lse.extent, lse.stride}};
  }
};

namespace detail {

inline std::string part_of_state(const std::string& name, const char* part) { return name + "." + part; }

/// A state of its own shape, or of another's.
template <class T> void check_state(const AttentionState<T>& state, const std::string& name) {
  const std::string out = part_of_state(name, "out"), lse = part_of_state(name, "lse");
  check_view(state.out, out.c_str(), "value_dim");
  check_same(lse.c_str(), "batch", state.lse.extent[0], state.out.batch(), out.c_str());
  check_same(lse.c_str(), "the number of heads", state.lse.extent[1], state.out.heads(), out.c_str());
  check_same(lse.c_str(), "length", state.lse.extent[2], state.out.length(), out.c_str());
  if (!state.out.empty()) check_pointer(state.lse.data, lse.c_str());
}

template <class T, class U>
void check_like(const AttentionState<T>& state, const std::string& name, const AttentionState<U>& other,
                const char* like) {
  const std::string out = part_of_state(name, "out");
  check_same(out.c_str(), "batch", state.out.batch(), other.out.batch(), like);
  check_same(out.c_str(), "the number of heads", state.out.heads(), other.out.heads(), like);
  check_same(out.c_str(), "length", state.out.length(), other.out.length(), like);
  check_same(out.c_str(), "value_dim", state.out.dim(), other.out.dim(), like);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
