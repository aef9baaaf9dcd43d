#include "cache.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace stories {
namespace {

/// The one of Cache's types whose number, from 0 on, is known only now.
template <std::size_t... I>
Cache make_alternative(std::size_t number, const rapt::CacheShape& shape, std::index_sequence<I...>) {
  constexpr std::array<Cache (*)(const rapt::CacheShape&), sizeof...(I)> makers{
      [](const rapt::CacheShape& s) { return Cache(std::in_place_index<I>, s); }...};
  return makers[number](shape);
}

}  // namespace

bool is_cache_type(std::string_view name) { return std::ranges::find(cache_types, name) != cache_types.end(); }

std::string all_cache_types() {
  std::string all;
  for (const std::string_view type : cache_types) all += (all.empty() ? "" : ", ") + std::string(type);
  return all;
}

Cache make_cache(std::string_view type, const rapt::CacheShape& shape) {
  if (!is_cache_type(type))
    throw std::invalid_argument("the cache's type is '" + std::string(type) + "'; it has to be one of " +
                                all_cache_types());
  const auto number = static_cast<std::size_t>(std::ranges::find(cache_types, type) - cache_types.begin());
  return make_alternative(number, shape, std::make_index_sequence<std::variant_size_v<Cache>>());
}

}  // namespace stories
