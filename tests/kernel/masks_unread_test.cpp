// Tiles that are masked whole are never read: where their keys and values live, there is no memory.
#include <vector>

#include "support/isas.hpp"
#include "support/masks.hpp"

#if defined(__unix__)
#include <sys/mman.h>
#include <unistd.h>

namespace rapt_test::masks_unread_test {
namespace {

/// Memory of whole pages, each of which can be shut.
class Pages {
 public:
  explicit Pages(Index bytes) : bytes_(at(bytes)) {
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(memory_, bytes_); }

  float* data() const { return static_cast<float*>(memory_); }
  void shut(Index from, Index bytes) const {
    if (::mprotect(static_cast<std::byte*>(memory_) + from, at(bytes), PROT_NONE) != 0) std::abort();
  }

 private:
  std::size_t bytes_;
  void* memory_;
};

/// Calls of one head, in which a tile of keys, or of values, is a page. Those that `mask` lets nothing through of, for
/// any query, are shut.
class Unread {
 public:
  Unread(Index queries, Index tiles)
      : page_(::sysconf(_SC_PAGESIZE)),
        dim_(page_ / 64 / Index(sizeof(float))),
        shape_{1, 1, 1, queries, tiles * 64, dim_, dim_},
        inputs_(shape_, 1) {}

  const Shape& shape() const { return shape_; }

  void expect_same_bits(const AnyMask& mask, Isa isa) const {
    const Pages k(shape_.kv_len / 64 * page_), v(shape_.kv_len / 64 * page_);
    std::copy(inputs_.k.begin(), inputs_.k.end(), k.data());
    std::copy(inputs_.v.begin(), inputs_.v.end(), v.data());
    Index shut = 0;
    for (Index tile = 0; tile < shape_.kv_len / 64; ++tile) {
      if (attended(mask, tile)) continue;
      k.shut(tile * page_, page_), v.shut(tile * page_, page_);
      ++shut;
    }
    EXPECT_GT(shut, 0) << mask.describe();
    const Views<float> in{inputs_.views().q, rapt::bhsd(k.data(), 1, 1, shape_.kv_len, dim_),
                          rapt::bhsd(v.data(), 1, 1, shape_.kv_len, dim_)};
    EXPECT_TRUE(same_bits(attend_with(in, mask, Options<float>{.isa = isa}),
                          attend_with(inputs_.views(), mask, Options<float>{.isa = isa})))
        << mask.describe();
  }

 private:
  bool attended(const AnyMask& mask, Index tile) const {
    const Index first =
        rapt::detail::align_of(mask).value_or(rapt::align::bottom_right).first_position(shape_.q_len, shape_.kv_len);
    for (Index i = 0; i < shape_.q_len; ++i)
      for (Index j = tile * 64; j < tile * 64 + 64; ++j)
        if (mask.attends(rapt::detail::coord(0, 0, first + i, j, i))) return true;
    return false;
  }

  Index page_, dim_;
  Shape shape_;
  Inputs<float> inputs_;
};

class MasksUnread : public OnEveryIsa {};

/// Each mask such that it leaves out whole tiles.
void expect_unread(Isa isa, Index queries) {
  using namespace rapt;
  const Unread call(queries, 10);
  const Shape& s = call.shape();
  const auto expect = [&](const auto& mask) { call.expect_same_bits(any_mask(mask), isa); };
  std::vector<std::int32_t> ids, parents, rows = {0}, columns;
  for (Index j = 0; j < s.kv_len; ++j) ids.push_back(static_cast<std::int32_t>(j / 90));
  for (Index i = 0; i < 400; ++i)
    parents.push_back(i < 300 ? -1 : static_cast<std::int32_t>(i % 100 == 0 ? -1 : i - 1));
  for (std::int32_t r = 0; r < 20; ++r) {
    for (std::int32_t c = r % 3; c < 5; c += 3) columns.push_back(c);
    rows.push_back(static_cast<std::int32_t>(columns.size()));
  }
  auto dense = std::make_unique<bool[]>(at(s.q_len * s.kv_len));
  std::vector<std::uint64_t> words(at(s.q_len * 10));
  for (Index i = 0; i < s.q_len; ++i)
    for (Index j = 0; j < s.kv_len; ++j)
      if (j / 64 % 3 == 1 && (i + j) % 5 != 0) {
        dense[at(i * s.kv_len + j)] = true;
        words[at(i * 10 + j / 64)] |= std::uint64_t(1) << j % 64;
      }
  expect(causal(align::offset(200)));
  expect(window(100, 0));
  expect(padding(200));
  expect(left_padding(300));
  expect(prefix_lm(100) | causal(align::offset(200)));
  expect(Plain{align::offset(150)} | prefix_lm(100));
  expect(chunk_local(400) | causal());
  expect(dilated(500));
  expect(document(ids) | causal());
  expect(same_sequence(ids));
  expect(mask(bhsd(dense.get(), 1, 1, s.q_len, s.kv_len)));
  expect(bit_mask(bhsd(words.data(), 1, 1, s.q_len, 10)));
  expect(ancestors(parents, s.q_len));
  expect(block_sparse(rows, columns, {32, 128}));
  expect((causal() && document(ids)) || !left_padding(64));
  expect(Plain{} | [](Coord c) { return c.key / 64 % 3 == 1 && c.key % 5 != 0; });  // which can't judge a tile
}

TEST_P(MasksUnread, WithOneQuery) { expect_unread(GetParam(), 1); }
TEST_P(MasksUnread, WithFewQueries) { expect_unread(GetParam(), 3); }
TEST_P(MasksUnread, WithAGroupOfQueries) { expect_unread(GetParam(), 40); }

RAPT_ON_EVERY_ISA(MasksUnread);

}  // namespace
}  // namespace rapt_test::masks_unread_test
#endif
