// Tiles that a mask skips are never read: where their keys would be, there is no memory.
#include "support/isas.hpp"
#include "support/observe.hpp"

#if defined(__unix__)
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace rapt_test::observe_unread_test {
namespace {

class ObserveUnread : public OnEveryIsa {};

/// The keys of one head, a page a tile.
class Keys {
 public:
  Keys(const Inputs<float>& inputs, Index page) : page_(page), bytes_(at(inputs.shape.kv_len / 64 * page)) {
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    std::copy(inputs.k.begin(), inputs.k.end(), data());
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;
  ~Keys() { ::munmap(memory_, bytes_); }

  float* data() const { return static_cast<float*>(memory_); }
  void shut(Index tile) const {
    if (::mprotect(static_cast<std::byte*>(memory_) + tile * page_, at(page_), PROT_NONE) != 0) std::abort();
  }

 private:
  Index page_;
  std::size_t bytes_;
  void* memory_;
};

TEST_P(ObserveUnread, AreTilesThatAMaskSkips) {
  const Index page = ::sysconf(_SC_PAGESIZE), dim = page / 64 / Index(sizeof(float));
  const Shape shape{1, 1, 1, 70, 20 * 64, dim, dim};
  const Inputs<float> inputs(shape, 1);
  const Options<float> options{.isa = GetParam()};
  // Queries from position 600 on look at 100 keys before them, and at none after them: at those of tiles 7 to 10.
  for (const bool as_any : {true, false}) {
    const rapt::Band band = rapt::window(100, 0, rapt::align::offset(600));
    const auto observe = [&](const View<const float>& k) {
      return as_any ? observed<float>(inputs.views().q, k, shape, any_score(band), options, 3)
                    : observed<float>(inputs.views().q, k, shape, band, options, 3);
    };
    const Keys keys(inputs, page);
    Index shut = 0;
    for (Index tile = 0; tile < 20; ++tile)
      if (tile < 7 || tile > 10) keys.shut(tile), ++shut;
    EXPECT_EQ(shut, 16);
    EXPECT_TRUE(
        same_bits(observe(rapt::bhsd<const float>(keys.data(), 1, 1, shape.kv_len, dim)), observe(inputs.views().k)));
  }
}

RAPT_ON_EVERY_ISA(ObserveUnread);

}  // namespace
}  // namespace rapt_test::observe_unread_test
#endif
