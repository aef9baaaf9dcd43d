// Where queries, keys, values and outputs stand in memory does not change a bit, and nothing but the outputs is
// written.
#include <functional>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::forward_strides_test {
namespace {

/// A view with memory of its own around it: every element of the memory that is not the view's is guarded.
template <class T> class Placed {
 public:
  Placed(const std::array<Index, 4>& extent, const std::array<Index, 4>& stride, Index first, Index size)
      : memory_(at(size), sentinel<T>), view_(rapt::strided(memory_.data() + first, extent, stride)) {}

  const View<T>& view() const { return view_; }

  void fill_from(const View<const T>& from) {
    each([&](Index b, Index h, Index s, Index d) { view_(b, h, s, d) = from(b, h, s, d); });
  }
  std::vector<T> contents() const {
    std::vector<T> found;
    each([&](Index b, Index h, Index s, Index d) { found.push_back(view_(b, h, s, d)); });
    return found;
  }
  /// Elements that are not the view's and have changed.
  Index damaged() const {
    std::vector<T> rest = memory_;
    each([&](Index b, Index h, Index s, Index d) { rest[at(&view_(b, h, s, d) - memory_.data())] = sentinel<T>; });
    Index count = 0;
    for (const T x : rest) count += bits(x) != bits(sentinel<T>);
    return count;
  }

 private:
  template <class F> void each(F f) const {
    for (Index b = 0; b < view_.batch(); ++b)
      for (Index h = 0; h < view_.heads(); ++h)
        for (Index s = 0; s < view_.length(); ++s)
          for (Index d = 0; d < view_.dim(); ++d) f(b, h, s, d);
  }

  std::vector<T> memory_;
  View<T> view_;
};

struct Layout {
  const char* name;
  std::array<Index, 4> order;  // of the dimensions in memory, outermost first: 0 batch, 1 head, 2 position, 3 dim
  Index inner = 1;             // how far the innermost elements are apart
  Index pad = 0;               // elements left free after each run of a dimension
  Index shift = 16;            // elements before the first one
  std::array<int, 4> sign = {1, 1, 1, 1};
};

const std::vector<Layout> layouts = {{"bhsd", {0, 1, 2, 3}},
                                     {"bshd", {0, 2, 1, 3}},
                                     {"sbhd", {2, 0, 1, 3}},
                                     {"bhds", {0, 1, 3, 2}},
                                     {"dimension outermost", {3, 2, 1, 0}},
                                     {"padded rows", {0, 1, 2, 3}, 1, 5},
                                     {"every third element", {0, 2, 1, 3}, 3, 1},
                                     {"one element off", {0, 1, 2, 3}, 1, 0, 17},
                                     {"positions backwards", {0, 1, 2, 3}, 1, 2, 16, {1, 1, -1, 1}},
                                     {"everything backwards", {0, 2, 1, 3}, 2, 1, 16, {-1, -1, -1, -1}}};

template <class T> Placed<T> place(const Layout& layout, const std::array<Index, 4>& extent) {
  std::array<Index, 4> stride{};
  Index next = layout.inner, first = layout.shift;
  for (int i = 3; i >= 0; --i) {
    const std::size_t d = at(layout.order[at(i)]);
    stride[d] = layout.sign[d] * next;
    if (layout.sign[d] < 0) first += next * (extent[d] - 1);
    next = next * extent[d] + layout.pad;
  }
  return Placed<T>(extent, stride, first, layout.shift + next + 64);
}

template <class T> Placed<T> place(const Layout& layout, const View<const T>& from) {
  Placed<T> placed = place<T>(layout, from.extent);
  placed.fill_from(from);
  return placed;
}

class ForwardStrides : public OnEveryIsa {};

template <class T> void expect_layouts_agree(Isa isa) {
  const Shape shape{2, 4, 2, 39, 83, 21, 19};
  const Inputs<T> inputs(shape, 2);
  const Mask mask = rapt::causal();
  Result<T> expected = attend(inputs.views(), mask, Options<T>{.isa = isa});
  for (std::size_t i = 0; i < layouts.size(); ++i)
    for (const std::size_t turn : {std::size_t(0), std::size_t(1), std::size_t(4)}) {
      const auto layout = [&](std::size_t which) -> const Layout& {
        return layouts[(i + which * turn) % layouts.size()];
      };
      SCOPED_TRACE(std::string("q: ") + layout(0).name + ", k: " + layout(1).name + ", v: " + layout(2).name +
                   ", out: " + layout(3).name);
      const Placed<T> q = place<T>(layout(0), inputs.views().q), k = place<T>(layout(1), inputs.views().k),
                      v = place<T>(layout(2), inputs.views().v);
      const Placed<T> out = place<T>(layout(3), expected.out_view().extent);
      rapt::attention(q.view(), k.view(), v.view(), out.view(), rapt::causal(), {.isa = isa});
      ASSERT_TRUE(same_bits(out.contents(), expected.out));
      ASSERT_EQ(out.damaged(), 0);
    }
}
TEST_P(ForwardStrides, AnyMemoryOrderGivesTheSameBitsAndWritesOnlyTheOutputs) {
  expect_layouts_agree<float>(GetParam());
  expect_layouts_agree<double>(GetParam());
}

TEST_P(ForwardStrides, TheFourMakersGiveTheSameBits) {
  const Shape s{2, 4, 2, 20, 70, 16, 16};
  const Inputs<float> inputs(s, 3);
  const Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  std::vector<float> q(inputs.q.size()), k(inputs.k.size()), v(inputs.v.size()), out(expected.out.size());
  const auto fill = [](const View<float>& to, const View<const float>& from) {
    for (Index b = 0; b < to.batch(); ++b)
      for (Index h = 0; h < to.heads(); ++h)
        for (Index i = 0; i < to.length(); ++i)
          for (Index d = 0; d < to.dim(); ++d) to(b, h, i, d) = from(b, h, i, d);
  };
  using Maker = View<float> (*)(float*, Index batch, Index heads, Index length, Index dim);
  const Maker makers[] = {
      [](float* p, Index b, Index h, Index n, Index d) { return rapt::bhsd(p, b, h, n, d); },
      [](float* p, Index b, Index h, Index n, Index d) { return rapt::bshd(p, b, n, h, d); },
      [](float* p, Index b, Index h, Index n, Index d) { return rapt::sbhd(p, n, b, h, d); },
      [](float* p, Index b, Index h, Index n, Index d) { return rapt::bhds(p, b, h, d, n); },
  };
  for (const Maker make : makers) {
    const View<float> qv = make(q.data(), s.batch, s.q_heads, s.q_len, s.head_dim),
                      kv = make(k.data(), s.batch, s.kv_heads, s.kv_len, s.head_dim),
                      vv = make(v.data(), s.batch, s.kv_heads, s.kv_len, s.value_dim),
                      ov = make(out.data(), s.batch, s.q_heads, s.q_len, s.value_dim);
    fill(qv, inputs.views().q);
    fill(kv, inputs.views().k);
    fill(vv, inputs.views().v);
    rapt::attention(qv, kv, vv, ov, rapt::causal(), {.isa = GetParam()});
    Result<float> found(s);
    fill(found.out_view(), ov);
    EXPECT_TRUE(same_bits(found.out, expected.out));
  }
}

TEST_P(ForwardStrides, AStrideOfZeroBroadcastsQueriesKeysAndValues) {
  const Shape shape{2, 4, 2, 20, 70, 16, 12};
  const Inputs<float> inputs(shape, 4);
  for (std::size_t dim = 0; dim < 4; ++dim) {
    Views<float> views = inputs.views();
    views.q.stride[dim] = views.k.stride[dim] = views.v.stride[dim] = 0;
    const Result<float> expected = attend_by_contract(views, rapt::causal());
    EXPECT_TRUE(same_bits(attend(views, rapt::causal(), Options<float>{.isa = GetParam()}), expected))
        << "dimension " << dim;
  }
}

TEST_P(ForwardStrides, ValuesAndKeysMayBeTheSameMemory) {
  const Inputs<float> inputs({1, 4, 2, 20, 70, 16, 16}, 4);
  Views<float> views = inputs.views();
  views.v = views.k;
  EXPECT_TRUE(same_bits(attend(views, rapt::causal(), Options<float>{.isa = GetParam()}),
                        attend_by_contract(views, rapt::causal())));
}

TEST_P(ForwardStrides, TheLogsumexpGoesWhereItsStridesSay) {
  const Shape shape{2, 4, 2, 21, 30, 8, 8};
  const Inputs<float> inputs(shape, 5);
  const Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  std::vector<float> memory(at(3 * shape.rows() + 10), sentinel<float>);
  const std::vector<LogSumExp<float>> places = {rapt::lse_bhs(memory.data(), shape.batch, shape.q_heads, shape.q_len),
                                                rapt::lse_bsh(memory.data(), shape.batch, shape.q_len, shape.q_heads),
                                                {memory.data() + 3 * shape.rows(),
                                                 {shape.batch, shape.q_heads, shape.q_len},
                                                 {-3 * shape.q_len, -6 * shape.q_len, -3}}};
  for (const LogSumExp<float>& lse : places) {
    memory.assign(memory.size(), sentinel<float>);
    Result<float> result(shape);
    rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                    {.lse = lse, .isa = GetParam()});
    Index written = 0;
    for (const float x : memory) written += bits(x) != bits(sentinel<float>);
    EXPECT_EQ(written, shape.rows());
    for (Index b = 0; b < shape.batch; ++b)
      for (Index h = 0; h < shape.q_heads; ++h)
        for (Index i = 0; i < shape.q_len; ++i) EXPECT_EQ(bits(lse(b, h, i)), bits(expected.lse_of(b, h, i)));
  }
}

RAPT_ON_EVERY_ISA(ForwardStrides);

}  // namespace
}  // namespace rapt_test::forward_strides_test
