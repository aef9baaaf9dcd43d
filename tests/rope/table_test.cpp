// Tables: what stands in a row, however it was asked for.
#include "rapt/rope/table.hpp"

#include <cstdint>
#include <limits>

#include "rope/specs.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::table_test {
namespace {

namespace rope = rapt::rope;
using rapt::MatrixView;

template <class T> void expect_same_row(const rope::Table<T>& a, Index row_a, const rope::Table<T>& b, Index row_b) {
  ASSERT_EQ(a.pairs(), b.pairs());
  EXPECT_TRUE(same_bits(a.cosine(row_a), b.cosine(row_b), a.pairs())) << "rows " << row_a << " and " << row_b;
  EXPECT_TRUE(same_bits(a.sine(row_a), b.sine(row_b), a.pairs())) << "rows " << row_a << " and " << row_b;
}

TEST(RopeTable, SaysWhatItsSpecSays) {
  rope::Spec spec = rope::standard(20);
  spec.pairing = rope::Pairing::interleaved;
  spec.offset = 6;
  const rope::Table<float> table(spec, 5);
  EXPECT_EQ(table.rows(), 5);
  EXPECT_EQ(table.pairs(), 10);
  EXPECT_EQ(table.rotary_dim(), 20);
  EXPECT_EQ(table.offset(), 6);
  EXPECT_EQ(table.pairing(), rope::Pairing::interleaved);
  EXPECT_EQ(table.row_stride(), 32);
  for (Index r = 0; r < 5; ++r) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.cosine(r)) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.sine(r)) % 64, 0u);
  }
  EXPECT_EQ(rope::Table<double>(spec, 5).row_stride(), 32);
}

/// For a factor of 1. A cosine or sine is off by 2^-53; its product with the factor is rounded to double, relatively
/// 2^-53, and to T.
template <class T> constexpr double table_error = 0x1p-52 + (sizeof(T) == 8 ? 0 : 0x1p-24);

template <class T> void expect_exact_rows(std::initializer_list<Index> positions) {
  for (const auto& [name, spec] : every_spec(128)) {
    if (spec.position_components() > 1 || !spec.growth.empty()) continue;
    SCOPED_TRACE(name);
    const std::vector<Index> list = positions;
    const rope::Table<T> table(spec, list);
    for (Index r = 0; r < table.rows(); ++r)
      for (Index p = 0; p < table.pairs(); ++p) {
        const long double angle = static_cast<long double>(list[at(r)]) * spec.inverse_frequencies[at(p)];
        const double factor = spec.attention_factor;
        // The long double's angle is itself rounded.
        const double error = table_error<T> + static_cast<double>(std::fabs(angle)) * 0x1p-64;
        ASSERT_LE(std::fabs(static_cast<long double>(table.cosine(r)[p]) - factor * std::cos(angle)), factor * error)
            << "position " << list[at(r)] << ", pair " << p;
        ASSERT_LE(std::fabs(static_cast<long double>(table.sine(r)[p]) - factor * std::sin(angle)), factor * error)
            << "position " << list[at(r)] << ", pair " << p;
      }
  }
}

TEST(RopeTable, IsAsGoodAtPositionAMillionAsAtPositionOne) {
  if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "long double has fewer than 64 bits";
  expect_exact_rows<float>({0, 1, 2, 1000, 131071, 999999, 1000000, -1000000});
  expect_exact_rows<double>({0, 1, 2, 1000, 131071, 999999, 1000000, -1000000});
}

TEST(RopeTable, OfALengthHasTheRowsOfItsPositions) {
  for (const auto& [name, spec] : every_spec(28)) {
    SCOPED_TRACE(name);
    const rope::Table<float> table(spec, 40);
    const Index components = spec.position_components();
    std::vector<Index> positions;
    for (const Index position : {7, 0, 39, 7}) positions.insert(positions.end(), at(components), position);
    const rope::Table<float> chosen(spec, rapt::row_major<const Index>(positions.data(), 4, components));
    for (const auto& [row, position] : {std::pair(0, 7), {1, 0}, {2, 39}, {3, 7}})
      expect_same_row(chosen, row, table, position);
  }
}

TEST(RopeTable, TurnsEachPairByItsOwnComponent) {
  const rope::Spec text = rope::standard(24);
  const rope::Spec spec = rope::mrope(text, {4, 3, 5});
  const Index positions[] = {30, 2, 9};
  const rope::Table<double> table(spec, rapt::row_major(positions, 1, 3)), all(text, 31);
  for (Index p = 0; p < 12; ++p) {
    const Index position = positions[p < 4 ? 0 : p < 7 ? 1 : 2];
    EXPECT_EQ(table.cosine(0)[p], all.cosine(position)[p]) << p;
    EXPECT_EQ(table.sine(0)[p], all.sine(position)[p]) << p;
  }
}

TEST(RopeTable, MultipliesCosinesAndSinesWithTheAttentionFactor) {
  rope::Spec spec = rope::standard(16);
  const rope::Table<float> one(spec, 50);
  spec.attention_factor = 2;
  const rope::Table<float> two(spec, 50);
  for (Index r = 0; r < 50; ++r)
    for (Index p = 0; p < 8; ++p) {
      EXPECT_EQ(two.cosine(r)[p], 2 * one.cosine(r)[p]);
      EXPECT_EQ(two.sine(r)[p], 2 * one.sine(r)[p]);
    }
}

TEST(RopeTable, TakesCosinesAndSinesOfTheCallers) {
  const rope::Table<float> source(rope::standard(20), 6);
  // As some frameworks keep them: [rows, rotary_dim], the second half a copy of the first.
  std::vector<float> cosines(6 * 20), sines(6 * 20);
  for (Index r = 0; r < 6; ++r)
    for (Index d = 0; d < 20; ++d) {
      cosines[at(r * 20 + d)] = source.cosine(r)[d % 10];
      sines[at(r * 20 + d)] = source.sine(r)[d % 10];
    }
  const MatrixView<const float> c{cosines.data(), 6, 10, 20, 1}, s{sines.data(), 6, 10, 20, 1};
  const rope::Table<float> table(c, s, rope::Pairing::interleaved, 4);
  EXPECT_EQ(table.rows(), 6);
  EXPECT_EQ(table.pairing(), rope::Pairing::interleaved);
  EXPECT_EQ(table.offset(), 4);
  for (Index r = 0; r < 6; ++r) expect_same_row(table, r, source, r);
}

TEST(RopeTable, MayBeEmpty) {
  EXPECT_EQ(rope::Table<float>(rope::standard(8), 0).rows(), 0);
  EXPECT_EQ(rope::Table<float>(rope::standard(8), std::vector<Index>{}).rows(), 0);
}

TEST(RopeTable, RefusesWhatCantBe) {
  const rope::Spec spec = rope::standard(8), film = rope::mrope(spec, {2, 1, 1});
  const std::vector<Index> positions = {1, 2, 3};
  EXPECT_EQ(refusal([&] { rope::Table<float>(spec, -1); }),
            "rapt: length: length is -1; it has to be from 0 to 2^30 - 1");
  EXPECT_EQ(refusal([&] { rope::Table<float>(film, positions); }),
            "rapt: positions: the number of components is 1; it has to be 3, as in spec");
  EXPECT_EQ(refusal([&] {
              rope::Table<float>(spec, MatrixView<const Index>{nullptr, 3, 1, 1, 1});
            }),
            "rapt: positions: data is a null pointer; it has to point to the elements, as no extent is 0");
  const std::vector<Index> far = {0, Index(1) << 30};
  EXPECT_EQ(refusal([&] { rope::Table<float>(spec, far); }),
            "rapt: positions: position 1073741824 is an angle of 2^30 or more; it has to be less: a smaller position "
            "or inverse frequency");
  EXPECT_NE(refusal([&] { rope::Table<float>(spec, std::vector<Index>{std::numeric_limits<Index>::min()}); }), "");
  rope::Spec wrong = spec;
  wrong.components = {1};
  EXPECT_NE(refusal([&] { rope::Table<float>(wrong, 3); }), "");
  EXPECT_NE(refusal([&] { rope::Table<float>(wrong, positions); }), "");

  const std::vector<float> numbers(12);
  const MatrixView<const float> whole = rapt::row_major(numbers.data(), 3, 4),
                                part = rapt::row_major(numbers.data(), 3, 3);
  EXPECT_EQ(refusal([&] { rope::Table<float>(whole, part); }),
            "rapt: sines: the number of columns is 3; it has to be 4, as in cosines");
  EXPECT_NE(refusal([&] { rope::Table<float>(whole, rapt::row_major(numbers.data(), 2, 4)); }), "");
  EXPECT_NE(refusal([&] { rope::Table<float>(whole, whole, rope::Pairing::half, -1); }), "");
  EXPECT_NE(refusal([&] { rope::Table<float>(MatrixView<const float>{nullptr, 3, 4, 4, 1}, whole); }), "");
  EXPECT_NE(refusal([&] { rope::Table<float>(whole, MatrixView<const float>{nullptr, 3, 4, 4, 1}); }), "");
  EXPECT_NE(refusal([&] { rope::Table<float>(MatrixView<const float>{}, MatrixView<const float>{}); }), "");
}

}  // namespace
}  // namespace rapt_test::table_test
