// Blocks of queries and keys that are attended whole or not at all.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rapt/core/divisor.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/shared.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/dense_mask.hpp"
#include "rapt/score/per_position.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// Positions of a block: of queries, and of keys.
struct BlockSize {
  Index queries, keys;
  constexpr BlockSize(Index both) : queries(both), keys(both) {}
  constexpr BlockSize(Index of_queries, Index of_keys) : queries(of_queries), keys(of_keys) {}
};

/// See block_sparse().
struct BlockSparse {
  Shared<const std::vector<std::uint64_t>> memory;
  const std::uint64_t* bits;  // [heads or 1][query blocks][words]: a bit for each block of keys
  std::int32_t heads, query_blocks, key_blocks, words;
  detail::Divisor queries, keys;  // positions of a block

  constexpr bool attends(Coord c) const {
    const std::int32_t q = queries.floor(c.query), k = keys.divide(c.key);
    return q >= 0 && q < query_blocks && k < key_blocks && (row(c.head, q)[k / 64] >> k % 64 & 1);
  }

  /// Bit j: whether the query attends to key first.key + j, of `count` keys, 64 at most.
  constexpr std::uint64_t row_bits(Coord first, Index count) const {
    const std::int32_t q = queries.floor(first.query);
    if (q < 0 || q >= query_blocks) return 0;
    const std::uint64_t* const blocks = row(first.head, q);
    const std::int32_t end = first.key + static_cast<std::int32_t>(count);
    std::uint64_t found = 0;
    for (std::int32_t k = keys.divide(first.key); k < key_blocks && k * keys.value() < end; ++k) {
      const std::int32_t begin = k * keys.value() - first.key;
      const std::uint64_t whole = keys.value() < 64 ? (std::uint64_t(1) << keys.value()) - 1 : ~std::uint64_t(0);
      // Where the block begins before these keys, what is left of it; of a long one, more than is asked for.
      const std::int32_t left = begin + keys.value();
      const std::uint64_t mine = begin >= 0  ? whole << begin
                                 : left < 64 ? (std::uint64_t(1) << left) - 1
                                             : ~std::uint64_t(0);
      if (blocks[k / 64] >> k % 64 & 1) found |= mine;
    }
    return found;
  }

  /// Exact.
  constexpr Coverage covers(const Box& box) const {
    const std::int32_t first_query = queries.floor(box.first_query), last_query = queries.floor(box.last_query);
    const std::int32_t first_key = keys.divide(box.first_key), last_key = keys.divide(box.last_key);
    const bool outside = first_query < 0 || last_query >= query_blocks || last_key >= key_blocks;
    detail::Seen seen{false, !outside};
    const std::int32_t end = last_key < key_blocks ? last_key + 1 : key_blocks;
    for (std::int32_t h = box.first_head; h <= (heads == 1 ? box.first_head : box.last_head); ++h)
      for (std::int32_t q = first_query < 0 ? 0 : first_query; q <= last_query && q < query_blocks; ++q) {
        look(row(h, q), first_key, end, seen);
        if (seen.both()) return Coverage::some;
      }
    return seen.coverage();
  }

  void check(const ProblemShape& shape) const {
    detail::check_extent("block_sparse", "the number of heads", heads, shape.q_heads);
  }
  std::string describe() const {
    return "block_sparse(" + std::to_string(queries.value()) + " x " + std::to_string(keys.value()) + ")";
  }

 private:
  constexpr const std::uint64_t* row(std::int32_t head, std::int32_t block) const {
    return bits + ((heads == 1 ? 0 : Index(head)) * query_blocks + block) * words;
  }
  /// Blocks [first, end) of keys.
  static constexpr void look(const std::uint64_t* row, std::int32_t first, std::int32_t end, detail::Seen& seen) {
    while (first < end) {
      const std::int32_t at = first % 64, count = end - first < 64 - at ? end - first : 64 - at;
      const std::uint64_t wanted = (count == 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << count) - 1) << at;
      const std::uint64_t found = row[first / 64] & wanted;
      seen.any |= found != 0;
      seen.all &= found == wanted;
      first += count;
    }
  }
};

namespace detail {

/// Throws if they can't be rows and columns of blocks.
inline void check_blocks(const IntegerMatrix& rows, const Integers& columns, BlockSize size) {
  const auto in_range = [](const char* what, Index n) {
    require(n >= 1 && n < max_length, "block_sparse", what, n, "it has to be from 1 to 2^30 - 1");
  };
  in_range("the block size of queries", size.queries);
  in_range("the block size of keys", size.keys);
  if (rows.rows() < 1 || rows.columns() < 1 || rows.data() == nullptr)
    fail("block_sparse", "rows is empty", "it has to have a number for each block of queries, and one more");
  for (Index h = 0; h < rows.rows(); ++h)
    for (Index r = 0; r < rows.columns(); ++r) {
      const Index begin = r == 0 ? 0 : rows(h, r - 1), end = rows(h, r);
      if (end < begin || end > columns.size())
        fail("block_sparse", {"rows[", r, "] is ", end},
             {"it has to be from ", begin, " to ", columns.size(), ", the number of columns"});
      Index before = -1;
      for (Index i = begin; r > 0 && i < end; ++i) {
        const Index column = columns[i];
        if (column <= before || column >= max_length / size.keys + 1)
          fail("block_sparse", {"columns[", i, "] is ", column},
               "in a row they have to ascend from 0 or more, within 2^30 positions");
        before = column;
      }
    }
}

}  // namespace detail

/// Blocks of positions, in compressed sparse rows: query block r attends to the key blocks columns[rows[r]] up to
/// columns[rows[r + 1] - 1], which ascend. `rows` has a number for each block of queries and one more; with one row of
/// them a head, [q_heads, blocks + 1], each head has blocks of its own, in the same columns. Blocks are counted from
/// position 0; queries before it or after the last block attend to nothing. A copy is taken, of a bit a block.
///
/// Any block size is right; multiples of 64 positions, the kernels' tiles, are fast, as nothing is masked within one.
inline BlockSparse block_sparse(PerPosition rows, const detail::Integers& columns, BlockSize size) {
  const detail::IntegerMatrix& r = rows.ids;
  detail::check_blocks(r, columns, size);
  const Index blocks = r.columns() - 1;
  Index key_blocks = 0;
  for (Index h = 0; h < r.rows(); ++h)
    for (Index i = r(h, 0); i < r(h, blocks); ++i) key_blocks = std::max<Index>(key_blocks, columns[i] + 1);
  const Index words = detail::ceil_div(key_blocks, 64);
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(r.rows() * blocks * words));
  for (Index h = 0; h < r.rows(); ++h)
    for (Index b = 0; b < blocks; ++b)
      for (Index i = r(h, b); i < r(h, b + 1); ++i) {
        const Index column = columns[i];
        bits[static_cast<std::size_t>((h * blocks + b) * words + column / 64)] |= std::uint64_t(1) << column % 64;
      }
  const auto memory = Shared<const std::vector<std::uint64_t>>::make(std::move(bits));
  return {memory,
          memory->data(),
          static_cast<std::int32_t>(r.rows()),
          static_cast<std::int32_t>(blocks),
          static_cast<std::int32_t>(key_blocks),
          static_cast<std::int32_t>(words),
          detail::Divisor(static_cast<std::int32_t>(size.queries)),
          detail::Divisor(static_cast<std::int32_t>(size.keys))};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
