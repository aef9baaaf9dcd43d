// What a call may say besides its arguments.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <optional>

#include "rapt/core/integers.hpp"
#include "rapt/core/view.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/parallel/executor.hpp"
#include "rapt/plan/workspace.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN

/// What products are computed in where queries, keys and values are bfloat16.
enum class Arithmetic {
  automatic,  ///< bfloat16 where q, k and v all are: pairs of products join a sum at once, weights are rounded to it
  exact,      ///< float, whatever the elements: those of 16 bits are widened, and nothing is rounded but the output.
              ///< Refused where a cache keeps codes, which are always multiplied in integers
};

/// Everything has a default, and each field can be named: {.scale = 0.125, .executor = &pool}. `T` is the call's
/// element type.
template <class T> struct Options {
  std::optional<double> scale{};                  ///< what scores are multiplied with; 1/sqrt(head_dim) if unset
  LogSumExp<T> lse{};                             ///< where each row's logsumexp goes; nowhere if unset
  Executor* executor = nullptr;                   ///< whose threads to use; the calling one if null
  const rope::Table<T>* rope = nullptr;           ///< turns the queries while they are packed: row p for position p
  detail::IntegerMatrix rope_rows{};              ///< the table's row for each query instead, [batch, q_len]
  Workspace* workspace = nullptr;                 ///< the memory to work in; allocated for this call or plan if null
  Arithmetic arithmetic = Arithmetic::automatic;  ///< how products of bfloat16 are computed
  std::optional<Isa> isa{};                       ///< the instruction set to use; active_isa() if unset
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
