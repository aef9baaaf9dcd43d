// The types and homes of keys and values whose kernels rapt::compiled holds whole: float and double, with keys and
// values of the same or of 16 bits, in a caller's memory, in caches and in pages.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kv/blocked.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/kv/strided.hpp"

// `what(part, T, Kv)` for each home of keys and values of K, and for each home of each type. `part` is what stands
// before a kernel: extern template, or template in the library's own files.
#define RAPT_USUAL_HOMES(what, part, T, K) \
  what(part, T, StridedKv<K>) what(part, T, BlockedKv<K>) what(part, T, PagedRowsKv<K>) what(part, T, PagedBlocksKv<K>)
#if RAPT_COMPILED_NARROW
#define RAPT_USUAL_NARROW_HOMES(what, part)        \
  RAPT_USUAL_HOMES(what, part, float, Eigen::half) \
  RAPT_USUAL_HOMES(what, part, float, Eigen::bfloat16)
#else
#define RAPT_USUAL_NARROW_HOMES(what, part)
#endif
#define RAPT_ALL_USUAL_HOMES(what, part)       \
  RAPT_USUAL_HOMES(what, part, float, float)   \
  RAPT_USUAL_HOMES(what, part, double, double) \
  RAPT_USUAL_NARROW_HOMES(what, part)

#include "rapt/core/fence_end.hpp"
