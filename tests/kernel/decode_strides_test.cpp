// Few queries: where everything stands in the caller's memory does not change a bit, and only the outputs are written.
#include <array>
#include <string>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::decode_strides_test {
namespace {

class DecodeStrides : public OnEveryIsa {};

/// How the numbers of a view are put elsewhere: as many elements between neighbours in each dimension as it takes.
struct Layout {
  const char* name;
  std::array<std::size_t, 4> order;  // of the dimensions in memory, outermost first: 0 batch, 1 head, 2 position, 3 dim
  Index inner;                       // how far the innermost elements are apart
  Index pad;                         // elements left free after each run of a dimension
  Index sign;                        // -1: all of it backwards
};

const std::vector<Layout> layouts = {{"rows", {0, 1, 2, 3}, 1, 0, 1},        {"heads inside", {0, 2, 1, 3}, 1, 0, 1},
                                     {"transposed", {0, 1, 3, 2}, 1, 0, 1},  {"padded", {0, 1, 2, 3}, 1, 5, 1},
                                     {"every third", {0, 2, 1, 3}, 3, 1, 1}, {"backwards", {0, 1, 2, 3}, 1, 2, -1},
                                     {"inside out", {3, 2, 1, 0}, 2, 1, -1}};

/// A view with memory of its own, every element of which that is not the view's is guarded.
template <class T> struct Placed {
  std::vector<T> memory;
  View<T> view;

  Placed(const Layout& layout, const View<const T>& from) {
    Index next = layout.inner, first = 1;
    view.extent = from.extent;
    for (std::size_t i = 4; i-- > 0;) {
      const std::size_t d = layout.order[i];
      view.stride[d] = layout.sign * next;
      if (layout.sign < 0) first += next * (from.extent[d] - 1);
      next = next * from.extent[d] + layout.pad;
    }
    memory.assign(at(next + 2), sentinel<T>);
    view.data = memory.data() + first;
    each([&](Index b, Index h, Index i, Index d) { view(b, h, i, d) = from(b, h, i, d); });
  }
  template <class F> void each(F f) const {
    for (Index b = 0; b < view.batch(); ++b)
      for (Index h = 0; h < view.heads(); ++h)
        for (Index i = 0; i < view.length(); ++i)
          for (Index d = 0; d < view.dim(); ++d) f(b, h, i, d);
  }
  /// The view's elements in order; and then, as many as there are, all the others.
  std::vector<T> contents() const {
    std::vector<T> found, rest = memory;
    each([&](Index b, Index h, Index i, Index d) {
      found.push_back(view(b, h, i, d));
      rest[at(&view(b, h, i, d) - memory.data())] = sentinel<T>;
    });
    found.insert(found.end(), rest.begin(), rest.end());
    return found;
  }
};

template <class T> void expect_layouts_agree(Isa isa, const Shape& shape) {
  const Inputs<T> inputs(shape, 1);
  const Mask mask = rapt::window(90, 2);
  Result<T> expected = attend_by_contract(inputs.views(), mask);
  for (std::size_t i = 0; i < layouts.size(); ++i)
    for (const std::size_t turn : {std::size_t(0), std::size_t(1), std::size_t(3)}) {
      const auto layout = [&](std::size_t which) { return layouts[(i + which * turn) % layouts.size()]; };
      const Placed<T> q(layout(0), inputs.views().q), k(layout(1), inputs.views().k), v(layout(2), inputs.views().v);
      std::vector<T> filler(expected.out.size(), sentinel<T>);
      const Placed<T> out(layout(3), rapt::bhsd(static_cast<const T*>(filler.data()), shape.batch, shape.q_heads,
                                                shape.q_len, shape.value_dim));
      rapt::attention(q.view, k.view, v.view, out.view, rapt::window(90, 2), {.isa = isa});
      std::vector<T> wanted = expected.out;
      wanted.resize(wanted.size() + out.memory.size(), sentinel<T>);
      ASSERT_TRUE(same_bits(out.contents(), wanted)) << shape << ", q: " << layout(0).name << ", k: " << layout(1).name
                                                     << ", v: " << layout(2).name << ", out: " << layout(3).name;
    }
}
TEST_P(DecodeStrides, AnyMemoryOrderGivesTheContractsBitsAndWritesOnlyTheOutputs) {
  for (const Shape& shape : {Shape{2, 4, 2, 3, 83, 21, 19}, Shape{2, 3, 1, 1, 131, 16, 32}, Shape{1, 2, 2, 2, 70, 1, 1},
                             Shape{1, 2, 1, 8, 70, 5, 64}, Shape{2, 4, 2, 2, 1090, 16, 16}}) {
    expect_layouts_agree<float>(GetParam(), shape);
    expect_layouts_agree<double>(GetParam(), shape);
  }
}

TEST_P(DecodeStrides, AStrideOfZeroBroadcastsQueriesKeysAndValues) {
  for (const Index dim : {12, 16}) {
    const Inputs<float> inputs({2, 4, 2, 3, 70, dim, dim}, 2);
    for (std::size_t broadcast = 0; broadcast < 4; ++broadcast) {
      Views<float> views = inputs.views();
      views.q.stride[broadcast] = views.k.stride[broadcast] = views.v.stride[broadcast] = 0;
      EXPECT_TRUE(same_bits(attend(views, rapt::causal(), Options<float>{.isa = GetParam()}),
                            attend_by_contract(views, rapt::causal())))
          << "dimension " << broadcast;
    }
  }
}

TEST_P(DecodeStrides, ValuesAndKeysMayBeTheSameMemory) {
  const Inputs<float> inputs({1, 4, 2, 2, 70, 16, 16}, 3);
  Views<float> views = inputs.views();
  views.v = views.k;
  EXPECT_TRUE(same_bits(attend(views, rapt::causal(), Options<float>{.isa = GetParam()}),
                        attend_by_contract(views, rapt::causal())));
}

/// The stride of a dimension of one element is of no meaning, however odd it is.
TEST_P(DecodeStrides, OfASingleElementAreNotLookedAt) {
  const Inputs<float> inputs({1, 3, 1, 2, 70, 1, 1}, 4);
  Views<float> views = inputs.views();
  for (View<const float>* view : {&views.q, &views.k, &views.v}) view->stride[0] = view->stride[3] = 1 << 20;
  EXPECT_TRUE(same_bits(attend(views, rapt::causal(), Options<float>{.isa = GetParam()}),
                        attend_by_contract(inputs.views(), rapt::causal())));
}

TEST_P(DecodeStrides, TheLogsumexpGoesWhereItsStridesSay) {
  const Shape shape{2, 4, 2, 3, 30, 8, 8};
  const Inputs<float> inputs(shape, 5);
  const Result<float> expected = attend_by_contract(inputs.views(), rapt::causal());
  std::vector<float> memory(at(3 * shape.rows()), sentinel<float>);
  const LogSumExp<float> lse{
      memory.data() + 3 * shape.rows() - 1, {shape.batch, shape.q_heads, shape.q_len}, {-3 * 4 * 3, -3, -3 * 4}};
  Result<float> result(shape);
  rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::causal(),
                  {.lse = lse, .isa = GetParam()});
  Index written = 0;
  for (const float x : memory) written += bits(x) != bits(sentinel<float>);
  EXPECT_EQ(written, shape.rows());
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 4; ++h)
      for (Index i = 0; i < 3; ++i) EXPECT_EQ(bits(lse(b, h, i)), bits(expected.lse_of(b, h, i)));
}

RAPT_ON_EVERY_ISA(DecodeStrides);

}  // namespace
}  // namespace rapt_test::decode_strides_test
