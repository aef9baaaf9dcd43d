// How large a cache is, and what it holds.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>
#include <type_traits>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/large_memory.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/problem.hpp"
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
  /// Of keys, and of values, kept as fp8_e4m3 or fp8_e5m2: what the numbers kept are times, one for each key/value
  /// head; 1 if empty. Copied.
  std::span<const float> key_scales{}, value_scales{};
  /// Of keys kept as int8_channels: what their codes are times, [kv_heads, head_dim]; channel_scales() makes them of
  /// keys. Copied.
  std::span<const float> channel_scales{};
  /// Of keys kept as codes: whether they, and the queries that meet them, are first turned by Hadamard's matrix of
  /// head_dim, or of the largest power of two that divides it. It leaves scores as they are, up to rounding, and
  /// spreads outliers over all dims, which makes the codes' error smaller (Ashkboos et al. 2024, "QuaRot",
  /// arXiv:2404.00456).
  bool hadamard = false;
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

template <class K> std::vector<float> checked_channels(const CacheShape& s) {
  constexpr bool wanted = std::is_same_v<K, Packed<int8_channels>>;
  if (!wanted && !s.channel_scales.empty())
    fail("channel_scales", "is set", "it has to be unset: only int8_channels has them");
  if (wanted)
    check_same("channel_scales", "its size", static_cast<Index>(s.channel_scales.size()), s.kv_heads * s.head_dim,
               "the shape: kv_heads * head_dim");
  for (std::size_t i = 0; i < s.channel_scales.size(); ++i)
    if (!(s.channel_scales[i] > 0) || !ieee::is_finite(s.channel_scales[i]))
      fail("channel_scales", {"scale ", static_cast<Index>(i), " is ", static_cast<double>(s.channel_scales[i])},
           "it has to be more than 0, and finite");
  if (s.hadamard && !is_packed<K>)
    fail("hadamard", "is set", "it has to be unset: only keys kept as codes are turned so");
  return {s.channel_scales.begin(), s.channel_scales.end()};
}

/// Scales of heads for what is kept as K.
template <class K> std::vector<float> checked_scales(const char* name, std::span<const float> scales, Index heads) {
  if (!Fp8Element<K> && !scales.empty())
    fail(name, "is set", "it has to be unset: only fp8_e4m3 and fp8_e5m2 have a scale a head");
  if (!scales.empty()) check_same(name, "its size", static_cast<Index>(scales.size()), heads, "the shape: kv_heads");
  for (std::size_t h = 0; h < scales.size(); ++h)
    if (!(scales[h] > 0) || !ieee::is_finite(scales[h]))
      fail(name, {"scale ", static_cast<Index>(h), " is ", static_cast<double>(scales[h])},
           "it has to be more than 0, and finite");
  return {scales.begin(), scales.end()};
}
inline HeadScales head_scales(const std::vector<float>& scales) { return {scales.empty() ? nullptr : scales.data()}; }

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
