// Divisions that round up.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index multiple) { return ceil_div(a, multiple) * multiple; }

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
