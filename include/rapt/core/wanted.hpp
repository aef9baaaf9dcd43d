// What few queries will want soon, and what they will want later.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What will be wanted soon, and what will be wanted later. Each line is asked for twice: the processor drops requests
/// while too many are under way.
struct Wanted {
  const std::byte* soon;
  const std::byte* later;
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
