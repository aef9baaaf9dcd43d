// Every built-in mask, with memory for it, and what a test needs to know of any.
//
// The references are compiled once for each, in masks_*.cpp, for float. AnyMask is a stage that stands for any of them:
// it asks the mask through pointers, so that one set of loops serves tests of all of them, in double and over caches as
// well.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/random.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

using rapt::Box;
using rapt::Coord;
using rapt::Coverage;

/// Any mask, by what it answers.
struct AnyMask {
  std::shared_ptr<const void> mask;
  bool (*ask)(const void*, Coord);
  Coverage (*look)(const void*, const Box&);
  void (*refuse)(const void*, const rapt::ProblemShape&);
  std::string (*words)(const void*);
  std::optional<rapt::Align> align{};

  bool attends(Coord c) const { return ask(mask.get(), c); }
  Coverage covers(const Box& box) const { return look(mask.get(), box); }
  void check(const rapt::ProblemShape& shape) const { refuse(mask.get(), shape); }
  std::string describe() const { return words(mask.get()); }
};

// Which C++ finds by itself where an operand is rapt's.
using rapt::operator|, rapt::operator&&, rapt::operator||, rapt::operator!;

template <class M> AnyMask any_mask(const M& mask) {
  static constexpr auto of = [](const void* m) -> const M& { return *static_cast<const M*>(m); };
  return {std::make_shared<const M>(mask),
          [](const void* m, Coord c) { return of(m).attends(c); },
          [](const void* m, const Box& box) { return rapt::detail::covers(of(m), box); },
          [](const void* m, const rapt::ProblemShape& shape) { rapt::detail::check(of(m), shape); },
          [](const void* m) { return rapt::detail::describe(of(m)); },
          rapt::detail::align_of(mask)};
}

/// A mask function with a name, so that its kernels can be declared.
struct EveryThird {
  bool operator()(Coord c) const { return (c.key + c.head) % 3 == 0; }
};

/// What every_mask() needs memory for, at random.
struct MaskMemory {
  Shape shape;
  std::vector<std::int32_t> lengths, ids, parents, rows, columns;
  std::unique_ptr<bool[]> dense;
  std::vector<std::uint64_t> words;
  std::vector<std::uint32_t> half_words;

  MaskMemory(const Shape& s, std::uint64_t seed) : shape(s) {
    Random random(seed);
    const auto below = [&](Index n) { return static_cast<std::int32_t>(random.below(n)); };
    for (Index b = 0; b < s.batch; ++b) lengths.push_back(below(s.kv_len + 1));
    ids.resize(at(s.batch * s.kv_len));
    for (std::size_t i = 1; i < ids.size(); ++i) ids[i] = ids[i - 1] + (random.below(30) == 0 ? 1 : 0);
    for (Index i = 0; i < std::min(s.q_len, s.kv_len); ++i)
      parents.push_back(static_cast<std::int32_t>(i - 1 - random.below(std::min<Index>(i, 8) + 1)));
    for (std::int32_t& p : parents)
      if (random.below(9) == 0) p = -1;
    fill_dense(random);
    fill_blocks(random);
  }

  rapt::MatrixView<const std::int32_t> id_matrix() const {
    return rapt::row_major(ids.data(), shape.batch, shape.kv_len);
  }
  View<const bool> dense_view() const {
    return rapt::bhsd(static_cast<const bool*>(dense.get()), shape.batch, shape.q_heads, shape.q_len, shape.kv_len);
  }
  template <class Word> View<const Word> word_view(const std::vector<Word>& w) const {
    const Index bits = 8 * Index(sizeof(Word));
    return rapt::bhsd(w.data(), shape.batch, shape.q_heads, shape.q_len, (shape.kv_len + bits - 1) / bits);
  }
  rapt::BlockSize block() const { return {24, 32}; }

 private:
  /// Stretches of either, and so whole tiles of either, and mixed ones.
  void fill_dense(Random& random) {
    const Shape& s = shape;
    const Index count = s.rows(), w64 = (s.kv_len + 63) / 64, w32 = (s.kv_len + 31) / 32;
    dense = std::make_unique<bool[]>(at(count * s.kv_len));
    words.resize(at(count * w64));
    half_words.resize(at(count * w32));
    for (Index h = 0; h < s.batch * s.q_heads; ++h)
      for (Index j = 0; j < s.kv_len; ++j) {
        if (j % 64 == 0) kind_ = random.below(3);
        for (Index i = 0; i < s.q_len; ++i) {
          const Index row = h * s.q_len + i;
          const bool x = kind_ == 0 || (kind_ == 1 && random.below(2) == 0);
          dense[at(row * s.kv_len + j)] = x;
          words[at(row * w64 + j / 64)] |= std::uint64_t(x) << j % 64;
          half_words[at(row * w32 + j / 32)] |= std::uint32_t(x) << j % 32;
        }
      }
  }
  /// Blocks of their own for each head.
  void fill_blocks(Random& random) {
    const Index blocks = shape.kv_len / block().queries + 1, key_blocks = shape.kv_len / block().keys + 1;
    for (Index h = 0; h < shape.q_heads; ++h) {
      rows.push_back(static_cast<std::int32_t>(columns.size()));
      for (Index r = 0; r < blocks; ++r) {
        for (Index c = 0; c < key_blocks; ++c)
          if (random.below(3) == 0) columns.push_back(static_cast<std::int32_t>(c));
        rows.push_back(static_cast<std::int32_t>(columns.size()));
      }
    }
  }
  std::int64_t kind_ = 0;
};

/// Calls f(mask, name) for each built-in mask, and for some compositions.
template <class F> void every_mask(const MaskMemory& m, F f) {
  using namespace rapt;
  f(padding(m.lengths), "padding");
  f(left_padding(m.lengths), "left padding");
  f(prefix_lm(m.lengths), "prefix");
  f(chunk_local(50) | causal(), "chunks");
  f(dilated(3) | window(100, 70), "dilated");
  f(document(m.id_matrix()), "documents");
  f(document(m.id_matrix()) | causal(), "documents, causal");
  f(mask(m.dense_view()), "bools");
  f(bit_mask(m.word_view(m.words)), "bits");
  f(bit_mask(m.word_view(m.half_words)), "bits in words of 32");
  f(ancestors(m.parents, m.shape.q_len), "ancestors");
  f(block_sparse(row_major(m.rows.data(), m.shape.q_heads, Index(m.rows.size()) / m.shape.q_heads), m.columns,
                 m.block()),
    "blocks");
  f((causal() && document(m.id_matrix())) || (!padding(m.lengths) && EveryThird{}), "a combination");
}

/// All of them as AnyMask.
std::vector<AnyMask> every_mask(const MaskMemory& m);

/// The types that every_mask() comes to.
using ChunksCausal = rapt::Then<rapt::ChunkLocal, rapt::Band>;
using DilatedWindow = rapt::Then<rapt::Dilated, rapt::Band>;
using DocumentsCausal = rapt::Then<rapt::Document, rapt::Band>;
using Combination = rapt::Or<rapt::And<rapt::Band, rapt::Document>,
                             rapt::And<rapt::Not<rapt::Padding>, rapt::detail::MaskFunction<EveryThird>>>;

#define RAPT_TEST_MASKS_1(prefix)                     \
  RAPT_TEST_KERNELS(prefix, float, rapt::Padding)     \
  RAPT_TEST_KERNELS(prefix, float, rapt::LeftPadding) \
  RAPT_TEST_KERNELS(prefix, float, rapt::PrefixLm)    \
  RAPT_TEST_KERNELS(prefix, float, ChunksCausal)      \
  RAPT_TEST_KERNELS(prefix, float, DilatedWindow)     \
  RAPT_TEST_KERNELS(prefix, float, rapt::Document)    \
  RAPT_TEST_KERNELS(prefix, float, DocumentsCausal)
#define RAPT_TEST_MASKS_2(prefix)                                \
  RAPT_TEST_KERNELS(prefix, float, rapt::DenseMask)              \
  RAPT_TEST_KERNELS(prefix, float, rapt::BitMask<std::uint64_t>) \
  RAPT_TEST_KERNELS(prefix, float, rapt::BitMask<std::uint32_t>) \
  RAPT_TEST_KERNELS(prefix, float, rapt::Ancestors)              \
  RAPT_TEST_KERNELS(prefix, float, rapt::BlockSparse)            \
  RAPT_TEST_KERNELS(prefix, float, Combination)
#define RAPT_TEST_MASKS_3(prefix)           \
  RAPT_TEST_KERNELS(prefix, float, AnyMask) \
  RAPT_TEST_KERNELS(prefix, double, AnyMask)

}  // namespace rapt_test

using rapt_test::AnyMask, rapt_test::ChunksCausal, rapt_test::Combination, rapt_test::DilatedWindow,
    rapt_test::DocumentsCausal;
RAPT_TEST_MASKS_1(extern)
RAPT_TEST_MASKS_2(extern)
RAPT_TEST_MASKS_3(extern)

namespace rapt_test {

/// rapt::attention() with any stage, with the logsumexp.
template <class T> Result<T> attend_with(const Views<T>& in, const auto& score, Options<T> options) {
  Result<T> result(in.shape());
  options.lse = result.lse_view();
  rapt::attention(in.q, in.k, in.v, result.out_view(), score, options);
  return result;
}
/// The same by the scalar transcription.
template <class T> Result<T> contracts(const Views<T>& in, const auto& score) {
  Result<T> result(in.shape());
  rapt::contract::attention<T>(in.q, in.k, in.v, result.out_view(), score, Options<T>{.lse = result.lse_view()});
  return result;
}

/// How often covers() has said what.
struct Said {
  int none = 0, some = 0, all = 0;
  int least() const { return std::min(none, std::min(some, all)); }
};

/// Asks random boxes of a call's scores whether covers() tells the truth: `none` and `all` are never wrong, and, if
/// `exact`, always said where they hold. first_query: the position of query 0.
template <class M> Said expect_covers_is_true(const M& mask, const Shape& s, Index first_query, bool exact) {
  Random random(1);
  Said said;
  for (int turn = 0; turn < 20000; ++turn) {
    const auto range = [&](Index n, Index most, std::int32_t& first, std::int32_t& last) {
      first = static_cast<std::int32_t>(random.below(n));
      last = static_cast<std::int32_t>(std::min(n - 1, first + random.below(most)));
    };
    Box box{};
    std::int32_t last_row = 0;
    box.batch = static_cast<std::int32_t>(random.below(s.batch));
    range(s.q_heads, 3, box.first_head, box.last_head);
    range(s.q_len, 1 + random.below(20), box.first_row, last_row);
    range(s.kv_len, 1 + random.below(80), box.first_key, box.last_key);
    box.first_query = static_cast<std::int32_t>(first_query + box.first_row);
    box.last_query = static_cast<std::int32_t>(first_query + last_row);
    Index attended = 0, scores = 0;
    for (std::int32_t h = box.first_head; h <= box.last_head; ++h)
      for (std::int32_t i = box.first_row; i <= last_row; ++i)
        for (std::int32_t j = box.first_key; j <= box.last_key; ++j, ++scores)
          attended += mask.attends({box.batch, h, static_cast<std::int32_t>(first_query + i), j, i});
    const Coverage covers = mask.covers(box);
    const auto where = [&] {
      return testing::Message() << mask.describe() << ": queries " << box.first_query << " to " << box.last_query
                                << ", keys " << box.first_key << " to " << box.last_key << ": " << attended << " of "
                                << scores;
    };
    const bool none_is_true = attended == 0, all_is_true = attended == scores;
    const bool right = covers == Coverage::none  ? none_is_true
                       : covers == Coverage::all ? all_is_true
                                                 : !exact || (!none_is_true && !all_is_true);
    if (!right) {
      ADD_FAILURE() << where();
      return said;
    }
    said.none += covers == Coverage::none, said.all += covers == Coverage::all, said.some += covers == Coverage::some;
  }
  return said;
}

}  // namespace rapt_test
