// Rotation: the contract's bits on every instruction set, a derived bound, and what a rotation is.
#include "rapt/rope/rotate.hpp"

#include <limits>
#include <string>
#include <vector>

#include "rapt/reference/rope.hpp"
#include "rope/specs.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::rotate_test {
namespace {

namespace rope = rapt::rope;
using rapt::MatrixView;
using rope::Pairing;

constexpr Pairing pairings[] = {Pairing::half, Pairing::interleaved};

/// Vectors [batch, head, position, dim] in memory of their own.
template <class T> struct Rows {
  Index batch, heads, length, dim;
  std::vector<T> numbers;

  Rows(Index b, Index h, Index s, Index d, std::uint64_t seed)
      : batch(b), heads(h), length(s), dim(d), numbers(random_numbers<T>(b * h * s * d, seed)) {}
  /// As many of them, not written yet.
  Rows blank() const {
    Rows rows = *this;
    rows.numbers.assign(numbers.size(), sentinel<T>);
    return rows;
  }
  View<T> view() { return rapt::bhsd(numbers.data(), batch, heads, length, dim); }
  View<const T> view() const { return rapt::bhsd(numbers.data(), batch, heads, length, dim); }
};

template <class T> Rows<T> rotated(const Rows<T>& x, const rope::Table<T>& table, const rope::RotateOptions& options) {
  Rows<T> y = x.blank();
  rope::rotate(x.view(), y.view(), table, options);
  return y;
}
template <class T>
Rows<T> rotated_by_contract(const Rows<T>& x, const rope::Table<T>& table, const rope::RotateOptions& options = {}) {
  Rows<T> y = x.blank();
  rapt::contract::rotate<T>(x.view(), y.view(), table, options);
  return y;
}

class RopeRotate : public OnEveryIsa {
 protected:
  rope::RotateOptions options() const { return {.isa = GetParam()}; }
};

/// Numbers of pairs around the widths of registers, with dims before and behind the rotary ones.
template <class T> void expect_contracts_bits(rope::RotateOptions options) {
  for (const Pairing pairing : pairings)
    for (const Index pairs : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 40, 64, 100})
      for (const auto& [before, behind] : {std::pair(0, 0), {3, 5}, {16, 0}, {0, 1}}) {
        rope::Spec spec = rope::standard(2 * pairs);
        spec.pairing = pairing;
        spec.offset = before;
        spec.attention_factor = 1.1;
        const rope::Table<T> table(spec, 45);
        const Rows<T> x(2, 3, 37, before + 2 * pairs + behind, 1);
        options.first = 8;
        for (const bool inverse : {false, true}) {
          options.inverse = inverse;
          ASSERT_TRUE(same_bits(rotated(x, table, options).numbers, rotated_by_contract(x, table, options).numbers))
              << pairs << " pairs from dim " << before << ", " << (pairing == Pairing::half ? "half" : "interleaved")
              << (inverse ? ", inverse" : "");
        }
      }
}
TEST_P(RopeRotate, HasTheContractsBits) {
  expect_contracts_bits<float>(options());
  expect_contracts_bits<double>(options());
}

/// A pair (a, b) turned with factor f, against the exact result, in units of u·f, with u the roundoff of T. Cosine and
/// sine are off by `table`: 1 for their rounding to float, 2 for their own error of 2^-53 and the factor's rounding, if
/// T is double. The product b·s is rounded once more: |b|; and so is the result: |a| + |b|. Together (table + 1)·|a| +
/// (table + 2)·|b|; a tenth more is for what is of second order. xPos's scale is off by 2 ulps, 4·2^-53, and one more
/// for its exponent. The oracle's angle, computed in the wider type with roundoff w, is off by w·|angle|, its cosine
/// and sine by 2w, and two more roundings.
template <class T, class Wide> void expect_within_bound(rope::RotateOptions options, Index first_position) {
  const double u = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
  const double w = static_cast<double>(std::numeric_limits<Wide>::epsilon()) / 2;
  const double table_error = sizeof(T) == 8 ? 2 : 1;
  for (const auto& [name, named] : every_spec(64))
    for (const Pairing pairing : pairings) {
      SCOPED_TRACE(name);
      rope::Spec spec = named;
      spec.pairing = pairing;
      spec.offset = 2;
      const Index length = 9, components = spec.position_components();
      std::vector<Index> positions;
      for (Index i = 0; i < length * components; ++i) positions.push_back(first_position + i * 7 % 11);
      if (!spec.growth.empty()) spec.centre = static_cast<double>(first_position);
      const MatrixView<const Index> at_rows = rapt::row_major<const Index>(positions.data(), length, components);
      const rope::Table<T> table(spec, at_rows);
      const Rows<T> x(1, 2, length, 70, 3);
      const Rows<T> y = rotated(x, table, options);
      Rows<Wide> wide(1, 2, length, 70, 3);
      wide.numbers.assign(x.numbers.begin(), x.numbers.end());
      Rows<Wide> exact = wide.blank();
      rapt::reference::rotate<Wide>(std::as_const(wide).view(), exact.view(), spec, at_rows);
      const double angle = 1.1 * static_cast<double>(first_position + 11) * 3;  // the largest frequency here is 3
      for (Index h = 0; h < 2; ++h)
        for (Index s = 0; s < length; ++s)
          for (Index p = 0; p < spec.pairs(); ++p) {
            const auto [da, db] = rapt::detail::dims_of_pair(p, spec.pairs(), spec.offset, pairing);
            const double a = std::fabs(static_cast<double>(x.view()(0, h, s, da)));
            const double b = std::fabs(static_cast<double>(x.view()(0, h, s, db)));
            double factor = spec.attention_factor;
            const Index component = spec.components.empty() ? 0 : spec.components[at(p)];
            if (!spec.growth.empty())
              factor *= std::exp(spec.growth[at(p)] * (static_cast<double>(at_rows(s, component)) - spec.centre));
            const double scale = spec.growth.empty() ? 0 : 5 * 0x1p-53;
            const double both = (w * angle + 4 * w + scale) * (a + b);
            for (const auto& [d, own, other] : {std::tuple(da, a, b), {db, b, a}}) {
              const double bound = 1.1 * factor * (u * ((table_error + 1) * own + (table_error + 2) * other) + both);
              const Wide error = static_cast<Wide>(y.view()(0, h, s, d)) - exact.view()(0, h, s, d);
              ASSERT_LE(std::fabs(static_cast<double>(error)), bound) << "position " << s << ", dim " << d;
            }
          }
    }
}
TEST_P(RopeRotate, IsWithinTheDerivedBoundOfTheOracle) {
  expect_within_bound<float, double>(options(), 0);
  expect_within_bound<float, double>(options(), 1000000);
  if (std::numeric_limits<long double>::digits > 53) {
    expect_within_bound<double, long double>(options(), 0);
    expect_within_bound<double, long double>(options(), 1000000);
  }
}

template <class T> void expect_untouched_outside(rope::RotateOptions options) {
  for (const Pairing pairing : pairings) {
    rope::Spec spec = rope::standard(40);
    spec.pairing = pairing;
    spec.offset = 7;
    const rope::Table<T> table(spec, 20);
    Rows<T> x(1, 2, 20, 64, 1);
    for (std::size_t i = 0; i < x.numbers.size(); ++i)
      if (i % 64 < 7 || i % 64 >= 47) x.numbers[i] = from_bits<T>(static_cast<BitsOf<T>>(0x7fbad000 + i));  // NaN, too
    Rows<T> in_place = x;
    const Rows<T> y = rotated(x, table, options);
    rope::rotate(in_place.view(), table, options);
    for (Index row = 0; row < 40; ++row)
      for (Index d = 0; d < 64; ++d) {
        if (d >= 7 && d < 47) continue;
        EXPECT_EQ(bits(y.numbers[at(row * 64 + d)]), bits(x.numbers[at(row * 64 + d)]));
        EXPECT_EQ(bits(in_place.numbers[at(row * 64 + d)]), bits(x.numbers[at(row * 64 + d)]));
      }
  }
}
TEST_P(RopeRotate, LeavesEveryBitOfTheOtherDims) {
  expect_untouched_outside<float>(options());
  expect_untouched_outside<double>(options());
}

TEST_P(RopeRotate, KeepsNorms) {
  for (const Pairing pairing : pairings) {
    rope::Spec spec = rope::standard(128);
    spec.pairing = pairing;
    const rope::Table<float> table(spec, 300);
    const Rows<float> x(1, 2, 300, 128, 5), y = rotated(x, table, options());
    for (std::size_t row = 0; row < 600; ++row) {
      double before = 0, after = 0;
      for (std::size_t d = 0; d < 128; ++d) {
        before += std::pow(static_cast<double>(x.numbers[row * 128 + d]), 2);
        after += std::pow(static_cast<double>(y.numbers[row * 128 + d]), 2);
      }
      // Each element is off by at most 5·u·(|a| + |b|): the vector by 5·u·√2·norm or less.
      EXPECT_NEAR(std::sqrt(after / before), 1, 7.1 * 0x1p-24 * 1.1);
    }
  }
}

/// The score of one query and one key, turned to their positions.
double score(const rope::Spec& q_spec, const rope::Spec& k_spec, const std::vector<double>& q,
             const std::vector<double>& k, Index q_position, Index k_position, const rope::RotateOptions& options) {
  const rope::Table<double> q_table(q_spec, std::vector<Index>{q_position});
  const rope::Table<double> k_table(k_spec, std::vector<Index>{k_position});
  std::vector<double> turned_q = q, turned_k = k;
  const Index dim = static_cast<Index>(q.size());
  rope::rotate(rapt::bhsd(turned_q.data(), 1, 1, 1, dim), q_table, options);
  rope::rotate(rapt::bhsd(turned_k.data(), 1, 1, 1, dim), k_table, options);
  double sum = 0;
  for (std::size_t d = 0; d < q.size(); ++d) sum += turned_q[d] * turned_k[d];
  return sum;
}

TEST_P(RopeRotate, ScoresDependOnTheDistanceAlone) {
  const std::vector<double> q = random_numbers<double>(128, 1), k = random_numbers<double>(128, 2);
  double magnitude = 0;
  for (std::size_t d = 0; d < 128; ++d) magnitude += std::fabs(q[d]) + std::fabs(k[d]);
  for (const auto& [name, spec] : every_spec(128)) {
    if (spec.position_components() > 1) continue;
    SCOPED_TRACE(name);
    rope::Spec k_spec = spec;  // xPos has its counterpart for the keys
    for (double& growth : k_spec.growth) growth = -growth;
    for (const Index distance : {0, 1, 17, 400}) {
      const double near = score(spec, k_spec, q, k, distance, 0, options());
      for (const Index shift : {1, 100, 5000, 100000}) {
        if (!spec.growth.empty() && shift > 5000) continue;
        const double far = score(spec, k_spec, q, k, distance + shift, shift, options());
        // A spec's scales reach e^±13 at 5000: what cancels is that much larger.
        EXPECT_NEAR(far, near, 1e-13 * magnitude * 10) << "distance " << distance << ", shifted by " << shift;
      }
    }
    EXPECT_GT(std::fabs(score(spec, k_spec, q, k, 0, 0, options()) - score(spec, k_spec, q, k, 40, 0, options())),
              1e-3);
  }
}

template <class T> void expect_inverse_undoes(rope::RotateOptions options) {
  const double u = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
  for (const Pairing pairing : pairings) {
    rope::Spec spec = rope::llama3(96);
    spec.pairing = pairing;
    const rope::Table<T> table(spec, 200);
    const Rows<T> x(1, 2, 200, 100, 9);
    Rows<T> y = rotated(x, table, options);
    options.inverse = true;
    rope::rotate(y.view(), table, options);
    options.inverse = false;
    // Elements are below 7, and each way is off by at most 5·u·(|a| + |b|).
    for (std::size_t i = 0; i < x.numbers.size(); ++i) ASSERT_NEAR(y.numbers[i], x.numbers[i], 2 * 5 * u * 14 * 1.5);
  }
}
TEST_P(RopeRotate, InverseUndoes) {
  expect_inverse_undoes<float>(options());
  expect_inverse_undoes<double>(options());
}

TEST_P(RopeRotate, PositionZeroChangesNothingButTheSignOfAZero) {
  const rope::Table<float> table(rope::standard(64), 1);
  const Rows<float> x(3, 4, 1, 64, 2);
  EXPECT_EQ(rotated(x, table, options()).numbers, x.numbers);
}

/// The same vectors in other memory orders, with gaps, backwards, and with elements apart.
template <class T> void expect_strides_dont_matter(rope::RotateOptions options) {
  const Index B = 2, H = 3, S = 37, D = 24;
  for (const Pairing pairing : pairings) {
    rope::Spec spec = rope::standard(16);
    spec.pairing = pairing;
    spec.offset = 5;
    const rope::Table<T> table(spec, S);
    const Rows<T> x(B, H, S, D, 4);
    const std::vector<T> expected = rotated_by_contract(x, table).numbers;
    const Index big = B * H * S * D * 4;
    const std::array<Index, 4> orders[] = {{S * H * D, D, H * D, 1},
                                           {H * D, D, B * H * D, 1},
                                           {H * D * S, D * S, 1, S},
                                           {H * S * 40, S * 40, 40, 1},
                                           {H * S * D * 2, S * D * 2, D * 2, 2},
                                           {-H * S * D, S * D, -D, -1}};
    for (const std::array<Index, 4>& in : orders)
      for (const std::array<Index, 4>& out : orders) {
        std::vector<T> in_memory(at(big)), out_memory(at(big), sentinel<T>);
        const View<T> from = rapt::strided(in_memory.data() + big / 2, {B, H, S, D}, in);
        const View<T> to = rapt::strided(out_memory.data() + big / 2, {B, H, S, D}, out);
        Rows<T> result = x.blank();
        const auto each = [&](auto f) {
          for (Index b = 0; b < B; ++b)
            for (Index h = 0; h < H; ++h)
              for (Index s = 0; s < S; ++s)
                for (Index d = 0; d < D; ++d) f(b, h, s, d);
        };
        each([&](Index b, Index h, Index s, Index d) { from(b, h, s, d) = x.view()(b, h, s, d); });
        rope::rotate(from, to, table, options);
        each([&](Index b, Index h, Index s, Index d) { result.view()(b, h, s, d) = to(b, h, s, d); });
        ASSERT_TRUE(same_bits(result.numbers, expected));
        ASSERT_EQ(std::count(out_memory.begin(), out_memory.end(), sentinel<T>), big - B * H * S * D);
        rope::rotate(from, table, options);
        each([&](Index b, Index h, Index s, Index d) { result.view()(b, h, s, d) = from(b, h, s, d); });
        ASSERT_TRUE(same_bits(result.numbers, expected));
      }
  }
}
TEST_P(RopeRotate, TakesAnyStridesInPlaceAndApart) {
  expect_strides_dont_matter<float>(options());
  expect_strides_dont_matter<double>(options());
}

TEST_P(RopeRotate, ReadsABroadcastInput) {
  const rope::Table<float> table(rope::standard(8), 5);
  const Rows<float> row(1, 1, 1, 8, 6);
  Rows<float> y = Rows<float>(2, 3, 5, 8, 6).blank(), expected = y;
  const View<const float> x = rapt::strided(row.numbers.data(), {2, 3, 5, 8}, {0, 0, 0, 1});
  rope::rotate(x, y.view(), table, options());
  rapt::contract::rotate<float>(x, expected.view(), table);
  EXPECT_TRUE(same_bits(y.numbers, expected.numbers));
}

TEST_P(RopeRotate, TakesARowOfTheTableForEachPosition) {
  const rope::Table<float> table(rope::standard(32), 100);
  const Rows<float> x(2, 3, 4, 32, 7);
  const Index rows[] = {5, 99, 0, 5, 17, 16, 15, 14};
  rope::RotateOptions chosen = options();
  chosen.rows = rapt::row_major(rows, 2, 4);
  const Rows<float> y = rotated(x, table, chosen);
  for (Index b = 0; b < 2; ++b)
    for (Index s = 0; s < 4; ++s) {
      Rows<float> alone(1, 3, 1, 32, 0);
      for (Index h = 0; h < 3; ++h)
        for (Index d = 0; d < 32; ++d) alone.view()(0, h, 0, d) = x.view()(b, h, s, d);
      rope::RotateOptions first = options();
      first.first = rows[b * 4 + s];
      rope::rotate(alone.view(), table, first);
      for (Index h = 0; h < 3; ++h)
        EXPECT_TRUE(same_bits(y.view().row(b, h, s), std::as_const(alone).view().row(0, h, 0), 32));
    }
  chosen.rows = rapt::MatrixView<const Index>{rows, 2, 4, 0, 1};  // one list for the whole batch
  const Rows<float> broadcast = rotated(x, table, chosen);
  EXPECT_TRUE(same_bits(broadcast.numbers, rotated_by_contract(x, table, chosen).numbers));
}

TEST_P(RopeRotate, ThreadsDoNotChangeABit) {
  const rope::Table<float> table(rope::standard(64), 1000);
  const Rows<float> x(3, 4, 333, 64, 8);
  const Rows<float> expected = rotated_by_contract(x, table);
  ThreadExecutor two(2), seven(7);
  ReverseExecutor reverse(5);
  LoneExecutor lone(100);
  for (rapt::Executor* executor : std::initializer_list<rapt::Executor*>{&two, &seven, &reverse, &lone}) {
    rope::RotateOptions parallel = options();
    parallel.executor = executor;
    EXPECT_TRUE(same_bits(rotated(x, table, parallel).numbers, expected.numbers));
  }
}

/// NaN and infinity in any lane give the contract's bits: NaN has no payload, whatever machine made it.
template <class T> void expect_contracts_nonfinite(rope::RotateOptions options) {
  using L = std::numeric_limits<T>;
  const T kinds[] = {L::infinity(), -L::infinity(), L::quiet_NaN(),  -L::quiet_NaN(), from_bits<T>(~BitsOf<T>(0)),
                     L::max(),      -L::max(),      L::denorm_min(), T(-0.0),         T(0)};
  for (const Pairing pairing : pairings) {
    rope::Spec spec = rope::standard(50);
    spec.pairing = pairing;
    const rope::Table<T> table(spec, 40);
    Rows<T> x(1, 2, 40, 50, 9);
    Random random(3);
    for (T& number : x.numbers)
      if (random.below(3) == 0) number = kinds[random.below(std::size(kinds))];
    const Rows<T> y = rotated(x, table, options);
    EXPECT_TRUE(same_bits(y.numbers, rotated_by_contract(x, table).numbers));
    for (const T number : y.numbers)
      if (std::isnan(number)) {
        ASSERT_EQ(bits(number), bits(L::quiet_NaN()));
      }
  }
}
TEST_P(RopeRotate, GivesTheContractsBitsForNaNAndInfinity) {
  expect_contracts_nonfinite<float>(options());
  expect_contracts_nonfinite<double>(options());
}

TEST_P(RopeRotate, DoesNothingWhereThereIsNothing) {
  const rope::Table<float> table(rope::standard(8), 5);
  float number = 3;
  rope::rotate(rapt::bhsd(&number, 0, 1, 5, 8), table, options());
  rope::rotate(rapt::bhsd(&number, 2, 1, 0, 8), table, options());
  EXPECT_EQ(number, 3);
}

RAPT_ON_EVERY_ISA(RopeRotate);

/// What rotate() says to x and y of these shapes; y is not written.
class RopeRotateRefuses : public testing::Test {
 protected:
  const rope::Table<float> table{rope::standard(8), 10};
  Rows<float> x{2, 3, 10, 8, 1}, y = x.blank();

  std::string said(const View<const float>& from, const View<float>& to, const rope::RotateOptions& options = {}) {
    const std::string text = refusal([&] { rope::rotate(from, to, table, options); });
    for (const float number : y.numbers) EXPECT_EQ(number, sentinel<float>);
    return text;
  }
};

TEST_F(RopeRotateRefuses, ShapesThatDontFit) {
  View<float> other = y.view();
  other.extent[0] = 1;
  EXPECT_EQ(said(x.view(), other), "rapt: y: batch is 1; it has to be 2, as in x");
  other = y.view();
  other.extent[1] = 2;
  EXPECT_EQ(said(x.view(), other), "rapt: y: the number of heads is 2; it has to be 3, as in x");
  other = y.view();
  other.extent[2] = 9;
  EXPECT_EQ(said(x.view(), other), "rapt: y: length is 9; it has to be 10, as in x");
  other = y.view();
  other.extent[3] = 7;
  EXPECT_EQ(said(x.view(), other), "rapt: y: head_dim is 7; it has to be 8, as in x");
  View<float> narrow = x.view();
  narrow.extent[3] = 6;
  EXPECT_EQ(refusal([&] { rope::rotate(narrow, table); }),
            "rapt: table: rotates dims 0 to 7; they have to be within x's head_dim, 6");
  EXPECT_EQ(said(rapt::bhsd<const float>(nullptr, 2, 3, 10, 8), y.view()),
            "rapt: x: data is a null pointer; it has to point to the elements, as no extent is 0");
}

TEST_F(RopeRotateRefuses, RowsThatTheTableLacks) {
  EXPECT_EQ(said(x.view(), y.view(), {.first = 1}),
            "rapt: table: has 10 rows; it has to have 11, for x's length from first on");
  EXPECT_EQ(said(x.view(), y.view(), {.first = -1}), "rapt: first: first is -1; it has to be from 0 to 2^30 - 1");
  std::vector<Index> rows(20, 9);
  const MatrixView<const Index> all = rapt::row_major<const Index>(rows.data(), 2, 10);
  EXPECT_EQ(said(x.view(), y.view(), {.first = 2, .rows = all}),
            "rapt: first: first is 2; it has to be 0 when there are rows");
  EXPECT_EQ(said(x.view(), y.view(), {.rows = rapt::row_major<const Index>(rows.data(), 1, 10)}),
            "rapt: rows: batch is 1; it has to be 2, as in x");
  EXPECT_EQ(said(x.view(), y.view(), {.rows = rapt::row_major<const Index>(rows.data(), 2, 9)}),
            "rapt: rows: length is 9; it has to be 10, as in x");
  rows[13] = 10;
  EXPECT_EQ(said(x.view(), y.view(), {.rows = all}),
            "rapt: rows: rows(1, 3) is 10; it has to be from 0 to 9, a row of table");
  rows[13] = -1;
  EXPECT_NE(said(x.view(), y.view(), {.rows = all}), "");
}

TEST_F(RopeRotateRefuses, MemoryThatIsSharedOtherwiseThanInPlace) {
  std::vector<float> memory(2 * 3 * 10 * 8 + 1);
  const View<float> view = rapt::bhsd(memory.data(), 2, 3, 10, 8), shifted = rapt::bhsd(memory.data() + 1, 2, 3, 10, 8);
  EXPECT_EQ(said(view, shifted), "rapt: y: shares memory with x; it has to be x itself, or apart from it");
  EXPECT_EQ(said(view, view), "");
  View<float> one = y.view();
  one.stride[1] = 0;
  EXPECT_EQ(said(x.view(), one),
            "rapt: y: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is "
            "read)");
}

TEST_F(RopeRotateRefuses, AnExecutorWithoutWorkersAndAnInstructionSetThatIsNotHere) {
  ThreadExecutor none(0);
  EXPECT_EQ(said(x.view(), y.view(), {.executor = &none}), "rapt: executor: workers() is 0; it has to be 1 or more");
  for (const Isa isa : rapt::all_isas)
    if (!rapt::supported(isa)) {
      EXPECT_NE(said(x.view(), y.view(), {.isa = isa}), "");
    }
}

}  // namespace
}  // namespace rapt_test::rotate_test
