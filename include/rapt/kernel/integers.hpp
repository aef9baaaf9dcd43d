// Loops over codes, for few queries: scores of keys, and weighted sums of values, that a cache keeps as integers. They
// have an instruction set more than the kernels around them, which call them through pointers, a tile at a time.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "rapt/core/contract.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/kv/formats.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_INLINE std::int32_t word32(const void* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
RAPT_INLINE std::uint64_t word64(const void* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// What numbers of 16 bits add up to: all of each, and its high digit alone.
struct DigitSum {
  std::int32_t all, high;
};

/// Dims, at most, whose products are added up in integers: more could pass 2^31.
inline constexpr Index most_summed = 512;

/// Dims of keys of a format that are added up in integers, and then scaled.
template <class F> inline constexpr Index summed = F::block == 0 ? most_summed : F::block;

/// Rows of numbers as integers of 16 bits times a unit of each row.
struct IntegerRows {
  std::byte* digits;  // [row][2 * count]
  DigitSum* sums;     // [row][blocks]: of each block of numbers
  float* units;       // [row]
  Index count;        // numbers of a row: a multiple of 16
  Index blocks;
};

/// A tile of keys, and the scores that are wanted.
struct CodeScores {
  IntegerRows queries;
  Index head_dim;
  const std::uint8_t* keys[contract::tile / key_block];
  const Wanted* ahead;
  float* scores;  // [row][tile]
};

/// A tile of values, and the rows of weights that they are multiplied with.
struct CodeValues {
  Index count;           // of keys
  Index rows;            // that are looked at
  const float* weights;  // [row][tile], 0 where there is no key
  IntegerRows digits;    // to work in
  const std::uint8_t* values[contract::tile / key_block];
  const Wanted* ahead;
  Index value_dim, dim;  // dim: filled up to whole registers
  float* output;         // [row][dim]
};

/// For as many rows as are worked on together, or for one.
struct IntegerLoops {
  Isa isa;
  /// Row r of `rows` becomes x [count]; sums of each `block` numbers.
  void (*quantise)(const float* x, Index block, Index r, const IntegerRows& rows);
  void (*scores)(const CodeScores&);
  void (*scores_of_one)(const CodeScores&);
  void (*values)(const CodeValues&);
  void (*values_of_one)(const CodeValues&);
};

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/kernel/integer_loops-inl.hpp"
#define RAPT_EACH_REGION_OF_QUADS
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The loops over keys kept as K and values kept as V; none over what is kept as floating-point numbers.
template <class K, class V> IntegerLoops integer_loops(Isa isa) {
  return RAPT_OF_QUAD_REGION(isa, integer_loops<K, V>());
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
