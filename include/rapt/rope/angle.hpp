// Cosines and sines of angles that are products: position times frequency.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/types.hpp"
#include "rapt/isa/vocabulary.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Angles have to be smaller than this: so many quarter turns can be taken off without a rounding.
inline constexpr double max_angle = 0x1p+30;

/// sin x = x + x³·(−1/3! + x²/5! − …) and cos x = 1 − x²/2 + x⁴·(1/4! − x²/6! + …). Up to x = π/4 the first terms left
/// out are under 2^-63.
inline constexpr double sine_series[] = {
    -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
    -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
inline constexpr double cosine_series[] = {
    1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
    1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};

/// cosine[i], sine[i] of position[i] · frequency[i], for i < count, which is a multiple of `angle_lanes`.
using AngleKernel = void (*)(const double* position, const double* frequency, Index count, double* cosine,
                             double* sine);
inline constexpr Index angle_lanes = 8;

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/rope/angle-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

inline AngleKernel angle_kernel(Isa isa) { return RAPT_OF_REGION(isa, angle_kernel()); }

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
