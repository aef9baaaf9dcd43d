// Scaled dot-product attention as PyTorch computed it, in the tests of OpenVINO and of tract.
#include <string>

#include "support/golden.hpp"
#include "support/isas.hpp"

namespace rapt_test::sdpa_test {
namespace {

/// A tensor [batch, length, dim] with one head, or [batch, heads, length, dim].
View<float> view_of(GoldenTensor& t) {
  if (t.dims.size() == 3) return rapt::bhsd(t.numbers.data(), t.dims[0], 1, t.dims[1], t.dims[2]);
  return rapt::bhsd(t.numbers.data(), t.dims.at(0), t.dims.at(1), t.dims.at(2), t.dims.at(3));
}

class GoldenSdpa : public testing::TestWithParam<const char*> {};

TEST_P(GoldenSdpa, IsReproducedWithinItsTolerance) {
  if (!std::filesystem::exists(shared_folder() / "goldens"))
    GTEST_SKIP() << "there is no goldens folder next to the checkout";
  Golden golden = load_golden(shared_folder() / "goldens" / GetParam());
  GoldenTensor& y = golden.tensors.at("Y");
  std::optional<double> scale;
  if (golden.attributes.count("scale") == 1) scale = std::stod(golden.attributes.at("scale"));
  // PyTorch's is_causal aligns the first query with the first key.
  const bool causal = golden.attributes.at("is_causal") == "1";
  const Mask mask = causal ? Mask(rapt::causal(rapt::align::top_left)) : Mask(rapt::Plain{});
  const Views<float> views{view_of(golden.tensors.at("Q")), view_of(golden.tensors.at("K")),
                           view_of(golden.tensors.at("V"))};
  ASSERT_GT(golden.tolerance, 0);
  for (const Isa isa : rapt::supported_isas()) {
    const Result<float> result = attend(views, mask, Options<float>{.scale = scale, .isa = isa});
    ASSERT_EQ(result.out.size(), y.numbers.size());
    for (std::size_t i = 0; i < y.numbers.size(); ++i)
      EXPECT_NEAR(result.out[i], y.numbers[i], golden.tolerance) << rapt::name(isa) << ", element " << i;
  }
}

std::string case_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (c == '/' || c == '-') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenSdpa,
                         testing::Values("openvino/sdpa_test_case_0", "openvino/sdpa_test_case_2_causal",
                                         "tract/sdpa_simple-non-causal-f32", "tract/sdpa_simple-causal-f32",
                                         "tract/sdpa_simple-scale-f32"),
                         case_name);

}  // namespace
}  // namespace rapt_test::sdpa_test
