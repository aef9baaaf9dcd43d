// What a kernel is given: the seam between ordinary code and the regions. Plain pointers and numbers, no vector type.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rapt/core/problem.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class S> struct ForwardWork {
  Problem<T> problem;
  S score;
  Schedule schedule;
  T* states;              // where the parts of a block leave their spans' states; unused with one part
  std::int32_t* pending;  // for each block, its parts that are not done yet
  std::atomic<int>* ran;  // receives the instruction set of the kernel that ran, by its own word
};

/// The forward kernel of one instruction set.
template <class T, class S> struct ForwardKernel {
  Isa isa;
  Index lanes;  // rows of a group
  Index register_lanes;
  Index (*scratch_bytes)(const Extents&, const Schedule&);
  void (*run_item)(const ForwardWork<T, S>&, Index item, std::byte* scratch);
};

/// Registers of queries are worked on one, two or four together: each of these is machine code of its own, to be
/// compiled in every program.
constexpr int working_registers(int registers) { return registers <= 2 ? registers : 4; }

/// Rows of a block's state when it is kept, as many as the kernel works on. (A block that is dealt into parts is one
/// group.)
constexpr Index kept_state_rows(const Schedule& s, Index register_lanes) {
  return working_registers(static_cast<int>(ceil_div(std::min(s.rows, s.lanes), register_lanes))) * register_lanes;
}

/// Numbers of type T that the state of one span of one block takes when it is kept: m, l and o for each row.
constexpr Index kept_state_size(const Schedule& s, Index register_lanes, Index value_dim) {
  return kept_state_rows(s, register_lanes) * (value_dim + 2);
}

}  // namespace detail
RAPT_NAMESPACE_END
