// An output gate: what attention has come to, multiplied with the sigmoid of a projection of the hidden states.
//
// The arithmetic, all of it in the element type, of an output o and its gate g:
//
//     e = exp(−|g|), by the exponential of the contract
//     o · (a / (1 + e)) with a = 1, or e where g < 0
//
// each operation rounded. A NaN becomes the one quiet NaN. contract::gated() says the same in scalar code.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <optional>

#include "rapt/core/elementary.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/view.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/kernel/kernels.hpp"
#include "rapt/parallel/items.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// An output behind its gate: every kernel gives these bits.
template <class T> T gated(T out, T gate) {
  const bool below = gate < T(0);
  const T e = contract::exp(below ? gate : -gate);
  const T sigmoid = (below ? e : T(1)) / (T(1) + e);
  const T product = out * sigmoid;
  return ieee::one_nan(product);
}

}  // namespace contract

namespace detail {

/// The seam between ordinary code and the regions: a row of outputs, in place, elements side by side.
template <class T> using GateKernel = void (*)(const T* gate, Index count, T* out);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/layer/gate-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Tokens [batch, 1, length, size] of outputs, each behind its gate, in place; elements stand side by side in both.
template <class T>
void apply_gate(const View<const T>& gate, const View<T>& out, Executor* executor, std::optional<Isa> isa) {
  const GateKernel<T> kernel = RAPT_OF_REGION(isa ? *isa : active_isa(), gate_kernel<T>());
  const Index items = out.empty() ? 0 : out.batch() * out.length();
  run_items(executor, std::min(workers_of(executor), items), items, [&](Index item, int) {
    const Index b = item / out.length(), i = item % out.length();
    kernel(gate.row(b, 0, i), out.dim(), out.row(b, 0, i));
  });
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
