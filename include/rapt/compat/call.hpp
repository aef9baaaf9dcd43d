// What calls of several systems have in common.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <optional>

#include "rapt/compat/tensor.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/parallel/executor.hpp"
#include "rapt/plan/workspace.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat {

/// What a call may say that the other system has no name for.
struct Options {
  Executor* executor = nullptr;    ///< whose threads to use; the calling one if null
  Workspace* workspace = nullptr;  ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};        ///< the instruction set to use; active_isa() if unset
};

/// A mask of bools (true: takes part) or of numbers, which are added to the scores; or none.
template <class T> struct AttnMask {
  Tensor<const bool> bools{};
  Tensor<const T> numbers{};

  AttnMask() = default;
  AttnMask(const Tensor<const bool>& mask) : bools(mask) {}
  AttnMask(const Tensor<bool>& mask) : bools(mask) {}
  AttnMask(const Tensor<const T>& mask) : numbers(mask) {}
  AttnMask(const Tensor<T>& mask) : numbers(mask) {}

  bool given() const { return bools.given() || numbers.given(); }
};

}  // namespace compat
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
