// One work item, by the kernel that suits its rows; and what the dispatcher asks of a region.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Whether elements have a kernel for few rows.
template <class T, class E> constexpr bool decodes = takes_few<T>&& depth<E> == 1;

template <class T, class E> RAPT_NOINLINE Index scratch_bytes(const detail::Extents& e, const detail::Schedule& s) {
  Carver counter{nullptr};
  if (s.few) {
    take_decode_scratch<T>(counter, e.head_dim, e.value_dim);
  } else {
    take_scratch<T, E>(counter, e.head_dim, e.value_dim);
    take_groups<T, E>(counter, s.groups, e.head_dim, e.value_dim);
  }
  return counter.used;
}

template <class T> RAPT_NOINLINE Index kept_state_size(const detail::Extents& e, const detail::Schedule& s) {
  return s.few ? s.rows_together() * (whole_registers<T>(e.value_dim) + 2) : kept_state_rows<T>(s) * (e.value_dim + 2);
}

template <class T, class E, class Kv>
RAPT_NOINLINE void run_item(const detail::ForwardWork<T, Kv>& work, Index item, std::byte* memory) {
  const Leaving leaving;
  const Place at = place_of(work, item);
  if constexpr (decodes<T, E>) {
    if (at.cut->few)
      run_decode(work, item, at, memory);
    else
      run_forward<T, E>(work, item, at, memory);
  } else {
    run_forward<T, E>(work, item, at, memory);
  }
  work.ran->store(static_cast<int>(region_isa), std::memory_order_relaxed);
}

/// The same where keys, or values, are codes: whatever the number of rows, keys are in the lanes.
template <class T, class Kv>
RAPT_NOINLINE Index scratch_bytes_of_codes(const detail::Extents& e, const detail::Schedule&) {
  Carver counter{nullptr};
  take_decode_scratch<T, typename Kv::StoredKey, typename Kv::StoredValue>(counter, e.head_dim, e.value_dim);
  return counter.used;
}
template <class T, class Kv>
RAPT_NOINLINE void run_item_of_codes(const detail::ForwardWork<T, Kv>& work, Index item, std::byte* memory) {
  const Leaving leaving;
  run_decode(work, item, place_of(work, item), memory);
  work.ran->store(static_cast<int>(work.integers.isa), std::memory_order_relaxed);
}
template <class T, class Kv> constexpr detail::ForwardKernel<T, Kv> code_kernel() {
  return {region_isa,
          few_rows,
          4,
          detail::max_length,
          &scratch_bytes_of_codes<T, Kv>,
          &kept_state_size<T>,
          &run_item_of_codes<T, Kv>};
}

/// This region's kernels, for the dispatcher. E: an element of their loops.
template <class T, class E, class Kv> constexpr detail::ForwardKernel<T, Kv> forward_kernel() {
  return {region_isa,           group_lanes<T>,      depth<E>,           decodes<T, E> ? few_rows : 0,
          &scratch_bytes<T, E>, &kept_state_size<T>, &run_item<T, E, Kv>};
}

RAPT_REGION_CLOSE

#endif
