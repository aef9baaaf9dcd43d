// What the dispatcher asks of a region.
#ifndef RAPT_REGION
#include "rapt/observe/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Of a worker, which may have items of either kind.
template <class T, class Kv> RAPT_NOINLINE Index watch_bytes(const detail::ObserveWork<T, Kv>& work) {
  Carver counter{nullptr};
  take_watch<T>(counter, work.call.problem.head_dim());
  Carver rows = counter, keys = counter;
  take_seen<T>(rows, work.top);
  keys.take<T>(work.mass_items() > 0 ? work.group * work.range : 0);
  return rows.used > keys.used ? rows.used : keys.used;
}

template <class T, class Kv> constexpr detail::ObserveKernel<T, Kv> observe_kernel() {
  return {region_isa, group_lanes<T>, &watch_bytes<T, Kv>, &observe_rows<T, Kv>, &observe_keys<T, Kv>};
}

RAPT_REGION_CLOSE

#endif
