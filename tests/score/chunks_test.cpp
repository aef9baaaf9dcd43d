// Masks by arithmetic on positions: chunks and dilation, and the division that they are made of.
#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::chunks_test {
namespace {

using rapt::chunk_local;
using rapt::dilated;

std::int64_t floored(std::int64_t n, std::int64_t d) { return n >= 0 ? n / d : -((-n + d - 1) / d); }

constexpr std::int32_t far = (1 << 30) - 1;

TEST(Divisor, DividesAsDivisionDoes) {
  Random random(1);
  const auto check = [](std::int32_t n, std::int32_t d) {
    ASSERT_EQ(rapt::detail::Divisor(d).floor(n), floored(n, d)) << n << " / " << d;
  };
  for (std::int32_t d = 1; d < 300; ++d)
    for (std::int32_t n = -600; n < 600; ++n) check(n, d);
  for (int turn = 0; turn < 200000; ++turn) {
    const std::int32_t d = static_cast<std::int32_t>(1 + random.below(Index(1) << random.below(30)));
    const std::int32_t n = static_cast<std::int32_t>(random.below(Index(1) << 31));
    const std::int32_t multiple = static_cast<std::int32_t>(n / d * d);
    for (const std::int32_t at : {n, multiple, multiple - 1}) check(at, d), check(-at, d);
  }
  for (const std::int32_t d : {1, 2, 3, far, far + 1}) check(std::numeric_limits<std::int32_t>::max(), d);
}

TEST(ChunkLocal, AttendsWithinAChunk) {
  for (const std::int32_t size : {1, 2, 5, 16, 37})
    for (std::int32_t query = -80; query < 80; ++query)
      for (std::int32_t key = 0; key < 80; ++key)
        ASSERT_EQ(chunk_local(size).attends({0, 0, query, key}), floored(query, size) == floored(key, size));
}

TEST(Dilated, AttendsAtMultiplesOfTheStep) {
  for (const std::int32_t step : {1, 2, 3, 4, 5, 6, 8, 12, 24, 31, 32, 33, 96, 100})
    for (std::int32_t distance = -1000; distance < 1000; ++distance)
      ASSERT_EQ(dilated(step).attends({0, 0, 1000 + distance, 1000}), distance % step == 0) << step << " " << distance;
  Random random(2);
  for (int turn = 0; turn < 200000; ++turn) {
    const std::int32_t step = static_cast<std::int32_t>(1 + random.below(Index(1) << random.below(30)));
    const std::int32_t n = static_cast<std::int32_t>(random.below(Index(1) << 31) - far), multiple = n / step * step;
    for (const std::int32_t distance : {n, multiple, multiple + step / 2})
      ASSERT_EQ(dilated(step).attends({0, 0, distance, 0}), distance % step == 0) << step << " " << distance;
  }
}

TEST(ChunkLocal, CoversIsExact) {
  for (const Index size : {1, 7, 16, 40}) expect_covers_is_true(chunk_local(size), {1, 2, 1, 90, 100}, 10, true);
  EXPECT_GT(expect_covers_is_true(chunk_local(40), {1, 2, 1, 90, 100}, -30, true).least(), 500);
}

TEST(Dilated, CoversIsExact) {
  for (const Index step : {1, 2, 3, 16, 50, 300}) expect_covers_is_true(dilated(step), {1, 2, 1, 90, 100}, -30, true);
  EXPECT_GT(expect_covers_is_true(dilated(50), {1, 2, 1, 90, 100}, 10, true).none, 1000);
}

TEST(ChunkLocal, RefusesASizeThatIsNone) {
  EXPECT_EQ(refusal([] { chunk_local(0); }), "rapt: chunk_local: size is 0; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(refusal([] { dilated(-3); }), "rapt: dilated: step is -3; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(refusal([] { dilated(Index(1) << 30); }),
            "rapt: dilated: step is 1073741824; it has to be from 1 to 2^30 - 1");
  EXPECT_EQ(refusal([] { chunk_local(far), dilated(far); }), "");
}

TEST(ChunkLocal, IsDescribed) {
  EXPECT_EQ((chunk_local(8192) | rapt::causal()).describe(), "chunk_local(8192) | causal");
  EXPECT_EQ(dilated(4).describe(), "dilated(4)");
}

}  // namespace
}  // namespace rapt_test::chunks_test
