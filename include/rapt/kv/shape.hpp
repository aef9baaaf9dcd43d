// How large a cache is, and what it holds.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <type_traits>

#include "rapt/core/error.hpp"
#include "rapt/core/large_memory.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/types.hpp"
#include "rapt/kv/formats.hpp"

RAPT_NAMESPACE_BEGIN

/// How large a cache is.
struct CacheShape {
  Index sequences = 1;  ///< each with a length of its own
  Index kv_heads = 1;
  Index capacity = 0;  ///< positions of a sequence; in a ring, those that it remembers
  Index head_dim = 0;
  Index value_dim = 0;  ///< head_dim if 0
};

namespace detail {

/// What elements kept as K are computed in; nothing for what isn't kept.
template <class K> struct ComputedIn { using type = void; };
template <CacheStorage K> struct ComputedIn<K> { using type = arithmetic_t<K>; };
template <class K> using element_of_t = typename ComputedIn<K>::type;

inline void check_extent(const char* argument, const char* what, Index is) {
  require(is >= 1 && is < max_length, argument, what, is, "it has to be from 1 to 2^30 - 1");
}
/// So that sizes in bytes stay clear of 2^63.
inline void check_elements(const char* argument, double elements) {
  if (elements > double(max_reach))
    fail(argument, "has more than 2^56 elements", "the product of its extents has to stay below");
}

inline CacheShape checked(CacheShape s) {
  if (s.value_dim == 0) s.value_dim = s.head_dim;
  check_extent("cache", "sequences", s.sequences);
  check_extent("cache", "kv_heads", s.kv_heads);
  check_extent("cache", "capacity", s.capacity);
  check_extent("cache", "head_dim", s.head_dim);
  check_extent("cache", "value_dim", s.value_dim);
  check_elements("cache", double(s.sequences) * double(s.kv_heads) * (double(s.capacity) + 64) *
                              (double(s.head_dim) + double(s.value_dim) + 64));
  return s;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
