// Rotation on the way: keys as they are appended, queries as they are packed.
#include <cstdint>
#include <vector>

#include "rapt/attention.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/scaling.hpp"
#include "support/isas.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::cache_rope_test {
namespace {

using rapt::KvCache;
using rapt::MatrixView;
namespace rope = rapt::rope;

constexpr Index heads = 2, group = 3, dim = 20, length = 90;

/// Numbers for keys, values and queries, and the same keys and queries turned by rope::rotate().
struct Rotated {
  rope::Table<float> table;
  std::vector<Index> rows;  // of the table, for each position
  Inputs<float> in, turned;

  Rotated(rope::Pairing pairing, bool explicit_rows, Index q_len)
      : table(rope::standard(16, 10000), 3 * length),
        in({1, heads * group, heads, q_len, length, dim, 12}, 7),
        turned(in) {
    rope::Spec spec = rope::standard(16, 10000);
    spec.pairing = pairing;
    spec.offset = 3;
    table = rope::Table<float>(spec, 3 * length);
    for (Index p = 0; p < length; ++p) rows.push_back(explicit_rows ? (7 * p + 5) % (3 * length) : p);
    rope::rotate(turned.k_view(), table, {.rows = key_rows()});
    rope::rotate(turned.q_view(), table, {.rows = query_rows()});
  }
  MatrixView<const Index> key_rows() const { return rapt::row_major(rows.data(), 1, length); }
  MatrixView<const Index> query_rows() const {
    const Index q_len = in.shape.q_len;
    return rapt::row_major(rows.data() + length - q_len, 1, q_len);
  }
};

class CacheRotation : public OnEveryIsa {};

/// Everything is turned beforehand, or on the way: by its position or by rows of the table's.
void compare(Isa isa, rope::Pairing pairing, bool explicit_rows, Index q_len, bool unit_stride) {
  const Rotated given(pairing, explicit_rows, q_len);
  const Result<float> wanted = attend(given.turned.views(), rapt::causal(), {.isa = isa});

  // The same numbers with the elements of queries and keys two apart.
  const auto spread = [](const std::vector<float>& x) {
    std::vector<float> twice(2 * x.size(), sentinel<float>);
    for (std::size_t i = 0; i < x.size(); ++i) twice[2 * i] = x[i];
    return twice;
  };
  const std::vector<float> wide_k = spread(given.in.k), wide_q = spread(given.in.q);
  View<const float> k = given.in.views().k, q = given.in.views().q;
  if (!unit_stride) {
    k.data = wide_k.data(), q.data = wide_q.data();
    for (Index& s : k.stride) s *= 2;
    for (Index& s : q.stride) s *= 2;
  }

  KvCache<float> cache({.kv_heads = heads, .capacity = length, .head_dim = dim, .value_dim = 12}, isa);
  for (Index at_once : {Index(50), Index(1), length - 51}) {
    const Index first = cache.length(0);
    View<const float> new_k = k, new_v = given.in.views().v;
    new_k.data += first * k.stride[2], new_v.data += first * new_v.stride[2];
    new_k.extent[2] = new_v.extent[2] = at_once;
    rapt::AppendOptions<float> options{.rope = &given.table};
    if (explicit_rows) options.rows = rapt::row_major(given.rows.data() + first, 1, at_once);
    cache.append(new_k, new_v, options);
  }
  std::vector<float> back(given.in.k.size());
  cache.read_keys(0, 0, rapt::bhsd(back.data(), 1, heads, length, dim));
  EXPECT_TRUE(same_bits(back, given.turned.k));

  Result<float> found(given.in.shape);
  rapt::Options<float> options{.lse = found.lse_view(), .isa = isa};
  options.rope = &given.table;
  if (explicit_rows) options.rope_rows = given.query_rows();
  rapt::attention(q, cache, found.out_view(), rapt::causal(), options);
  EXPECT_TRUE(same_bits(found, wanted)) << q_len << " queries";
}

TEST_P(CacheRotation, OnTheWayGivesTheBitsOfRotationBeforehand) {
  for (const rope::Pairing pairing : {rope::Pairing::half, rope::Pairing::interleaved})
    for (const bool explicit_rows : {false, true})
      for (const bool unit_stride : {true, false})
        for (const Index q_len : {1, 5, 6, 70}) compare(GetParam(), pairing, explicit_rows, q_len, unit_stride);
}

RAPT_ON_EVERY_ISA(CacheRotation);

TEST(CacheRope, RefusesTablesAndRowsThatDoNotFitAndChangesNothing) {
  const Rotated given(rope::Pairing::half, false, 1);
  const rope::Table<float> wide(rope::standard(32), 200), few(rope::standard(16), 40);
  const auto& in = given.in;
  KvCache<float> cache({.kv_heads = heads, .capacity = length, .head_dim = dim, .value_dim = 12});
  const std::vector<Index> rows(static_cast<std::size_t>(length), 1000);
  const auto append = [&](rapt::AppendOptions<float> options) {
    return refusal([&] { cache.append(in.views().k, in.views().v, options); });
  };
  EXPECT_EQ(append({.rope = &wide}),
            "rapt: rope: rotates dims 0 to 31; they have to be within the cache's head_dim, 20");
  EXPECT_EQ(append({.rope = &few}), "rapt: rope: has 40 rows; it has to have 90, one for each position of sequence 0");
  EXPECT_EQ(append({.rope = &few, .rows = rapt::row_major(rows.data(), 1, length)}),
            "rapt: rows: rows(0, 0) is 1000; it has to be from 0 to 39, a row of the table");
  EXPECT_EQ(append({.rope = &few, .rows = rapt::row_major(rows.data(), 1, 3)}),
            "rapt: rows: length is 3; it has to be 90, as in k");
  EXPECT_EQ(append({.rows = rapt::row_major(rows.data(), 1, length)}),
            "rapt: rows: is set; it has to be unset without a table: rope");
  EXPECT_EQ(cache.length(0), 0);

  cache.append(in.views().k, in.views().v);
  Result<float> result(in.shape);
  const auto attend_with = [&](const rope::Table<float>* table, MatrixView<const Index> q_rows) {
    rapt::Options<float> options;
    options.rope = table;
    options.rope_rows = q_rows;
    return refusal([&] { rapt::attention(in.views().q, cache, result.out_view(), rapt::causal(), options); });
  };
  EXPECT_EQ(attend_with(&wide, {}), "rapt: rope: rotates dims 0 to 31; they have to be within head_dim, 20");
  EXPECT_EQ(attend_with(&few, {}),
            "rapt: rope: has no row 89, for query 0 of batch entry 0; it has those from 0 to 39");
  EXPECT_EQ(attend_with(&few, rapt::row_major(rows.data(), 1, 2)),
            "rapt: rope_rows: length is 2; it has to be 1, as in q");
  EXPECT_EQ(attend_with(nullptr, rapt::row_major(rows.data(), 1, 1)),
            "rapt: rope_rows: is set; it has to be unset without a table: rope");
}

}  // namespace
}  // namespace rapt_test::cache_rope_test
