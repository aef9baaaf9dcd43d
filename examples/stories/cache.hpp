// The cache of a layer, of a type that is chosen when the program runs.
#pragma once

#include <Eigen/Core>
#include <array>
#include <rapt/rapt.hpp>
#include <string>
#include <string_view>
#include <variant>

namespace stories {

/// Keys and values as floating-point numbers of 32, 16 or 8 bits, or as codes of 8, 5 and 4 bits.
using Cache = std::variant<rapt::KvCache<float>, rapt::KvCache<Eigen::half>, rapt::KvCache<Eigen::bfloat16>,
                           rapt::KvCache<rapt::fp8_e4m3>, rapt::KvCache<rapt::fp8_e5m2>, rapt::KvCache<rapt::int8>,
                           rapt::KvCache<rapt::q8_0>, rapt::KvCache<rapt::q5_1>, rapt::KvCache<rapt::q5_0>,
                           rapt::KvCache<rapt::q4_1>, rapt::KvCache<rapt::q4_0>>;

/// Their names, in the same order.
inline constexpr std::array<std::string_view, std::variant_size_v<Cache>> cache_types{
    "float", "half", "bfloat16", "fp8_e4m3", "fp8_e5m2", "int8", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"};

bool is_cache_type(std::string_view name);

/// "float, half, …"
std::string all_cache_types();

/// An empty cache. Throws std::invalid_argument, which lists the types that there are, unless `type` is one of them.
Cache make_cache(std::string_view type, const rapt::CacheShape& shape);

}  // namespace stories
