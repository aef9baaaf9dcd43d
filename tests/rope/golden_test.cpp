// Frequencies, attention factors and rotations from the tests of Hugging Face Transformers, torchtune, burn, Keras Hub
// and CTranslate2.
#include "support/golden.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "rapt/rope/rotate.hpp"
#include "rapt/rope/scaling.hpp"
#include "rapt/rope/spec.hpp"
#include "support/isas.hpp"

namespace rapt_test::golden_test {
namespace {

namespace rope = rapt::rope;

std::filesystem::path folder() { return shared_folder() / "goldens" / "rope"; }

/// One case of rope_cases.txt, a line an item.
struct Case {
  std::string type;
  Index head_dim = 0;
  double base = 0, relative = 0, absolute = 0;
  std::map<std::string, double> param;
  std::map<std::string, std::vector<double>> vector, expect;

  double number(const std::string& name, double otherwise) const {
    return param.count(name) == 1 ? param.at(name) : otherwise;
  }
  Index integer(const std::string& name) const { return static_cast<Index>(number(name, 0)); }
};

std::vector<double> numbers_of(std::istream& words) {
  std::size_t count = 0;
  words >> count;
  std::vector<double> numbers(count);
  for (double& x : numbers) words >> x;
  return numbers;
}

std::map<std::string, Case> load_cases() {
  std::ifstream in(folder() / "rope_cases.txt");
  std::map<std::string, Case> cases;
  std::string name;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string item, key;
    words >> item;
    if (item == "rope") words >> name;
    Case& c = cases[name];
    if (item == "type") words >> c.type;
    if (item == "head_dim") words >> c.head_dim;
    if (item == "base") words >> c.base;
    if (item == "param") words >> key >> c.param[key];
    if (item == "vector") words >> key, c.vector[key] = numbers_of(words);
    if (item == "expect") words >> key, c.expect[key] = numbers_of(words);
    if (item == "tol") words >> key >> c.relative >> key >> c.absolute;
  }
  return cases;
}

rope::Spec spec_of(const Case& c) {
  const double factor = c.number("factor", 1);
  const Index original = c.integer("original_max_position_embeddings");
  std::optional<double> attention_factor;
  if (c.param.count("attention_factor") == 1) attention_factor = c.param.at("attention_factor");
  if (c.type == "default") return rope::standard(c.head_dim, c.base);
  if (c.type == "linear") return rope::linear(c.head_dim, factor, c.base);
  if (c.type == "dynamic")
    return rope::dynamic_ntk(c.head_dim, {.factor = factor,
                                          .original_length = c.integer("max_position_embeddings"),
                                          .length = c.integer("seq_len"),
                                          .base = c.base});
  if (c.type == "yarn")
    return rope::yarn(c.head_dim, {.factor = factor,
                                   .original_length = original,
                                   .base = c.base,
                                   .beta_fast = c.number("beta_fast", 32),
                                   .beta_slow = c.number("beta_slow", 1),
                                   .attention_factor = attention_factor});
  if (c.type == "longrope")
    return rope::long_rope(c.head_dim, {.short_factors = c.vector.at("short_factor"),
                                        .long_factors = c.vector.at("long_factor"),
                                        .original_length = original,
                                        .length = c.integer("seq_len"),
                                        .factor = factor,
                                        .base = c.base});
  if (c.type == "llama3")
    return rope::llama3(c.head_dim, {.factor = factor,
                                     .low_frequency_factor = c.number("low_freq_factor", 1),
                                     .high_frequency_factor = c.number("high_freq_factor", 4),
                                     .original_length = original,
                                     .base = c.base});
  throw std::runtime_error("there is no rope of type " + c.type);
}

class GoldenRope : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder())) GTEST_SKIP() << "there is no goldens folder next to the checkout";
  }
};

std::string case_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

void expect_near(const Case& c, const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], c.absolute + c.relative * std::fabs(expected[i])) << "number " << i;
}

std::vector<double> row(const double* first, Index count) { return {first, first + count}; }

TEST_P(GoldenRope, IsReproducedWithinItsTolerance) {
  const std::map<std::string, Case> cases = load_cases();
  ASSERT_EQ(cases.count(GetParam()), 1u);
  const Case& c = cases.at(GetParam());
  ASSERT_GT(c.relative + c.absolute, 0);
  ASSERT_FALSE(c.expect.empty());
  const rope::Spec spec = spec_of(c);
  const rope::Table<double> two_rows(spec, 2);
  for (const auto& [what, expected] : c.expect) {
    SCOPED_TRACE(what);
    if (what == "inv_freq") {
      expect_near(c, spec.inverse_frequencies, expected);
    } else if (what == "attention_factor") {
      expect_near(c, {spec.attention_factor}, expected);
    } else if (what == "cos_at_position_1") {
      expect_near(c, row(two_rows.cosine(1), two_rows.pairs()), expected);
    } else if (what == "sin_at_position_1") {
      expect_near(c, row(two_rows.sine(1), two_rows.pairs()), expected);
    } else if (what != "cache_positions") {
      const rope::Table<double> cache(spec, static_cast<Index>(c.expect.at("cache_positions")[0]));
      double sum = 0, largest = 0;
      for (Index r = 0; r < cache.rows(); ++r)
        for (Index p = 0; p < cache.pairs(); ++p) {
          sum += cache.cosine(r)[p] + cache.sine(r)[p];
          largest = std::max({largest, cache.cosine(r)[p], cache.sine(r)[p]});
        }
      const double mean = sum / static_cast<double>(cache.rows() * cache.rotary_dim());
      if (what == "cache_mean")
        EXPECT_NEAR(mean, expected[0], 5e-5);  // given with four digits
      else
        expect_near(c, {what == "cache_sum" ? sum : what == "cache_max" ? largest : -1}, expected);
    }
  }
}

constexpr const char* case_names[] = {"hf_default",
                                      "hf_linear_2",
                                      "hf_linear_10",
                                      "hf_linear_20",
                                      "hf_dynamic_short_2",
                                      "hf_dynamic_short_10",
                                      "hf_dynamic_short_20",
                                      "hf_dynamic_16384",
                                      "hf_yarn_10",
                                      "hf_yarn_attention_2",
                                      "hf_yarn_attention_20",
                                      "hf_yarn_attention_given",
                                      "hf_llama3_10",
                                      "hf_longrope_attention_2",
                                      "hf_longrope_attention_10",
                                      "hf_longrope_attention_20",
                                      "hf_longrope_short",
                                      "hf_longrope_long",
                                      "torchtune_llama3_1_cache",
                                      "burn_llama3_scaled",
                                      "burn_default"};
INSTANTIATE_TEST_SUITE_P(Case, GoldenRope, testing::ValuesIn(case_names), case_name);

TEST(GoldenRopes, AreAllNamed) {
  if (!std::filesystem::exists(folder())) GTEST_SKIP() << "there is no goldens folder next to the checkout";
  std::set<std::string> there;
  for (const auto& [name, ignored] : load_cases()) there.insert(name);
  EXPECT_EQ(there, std::set<std::string>(std::begin(case_names), std::end(case_names)));
}

/// A folder rotate_*: X, rotated at its positions, is Y.
struct Rotation {
  std::map<std::string, std::string> attributes;
  std::vector<Index> dims, positions;
  std::vector<float> x, y;
  double tolerance = 0;
};

template <class T> std::vector<T> read_numbers(const std::filesystem::path& file) {
  std::vector<T> numbers(std::filesystem::file_size(file) / sizeof(T));
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(T)));
  if (!in) throw std::runtime_error(file.string() + " can't be read");
  return numbers;
}

Rotation load_rotation(const std::filesystem::path& folder) {
  Rotation rotation;
  std::ifstream description(folder / "case.txt");
  for (std::string line; std::getline(description, line);) {
    std::istringstream words(line);
    std::string item, name, type;
    words >> item;
    if (item == "attr") words >> name >> type >> rotation.attributes[name];
    if (item == "tol") words >> rotation.tolerance;
    if (item != "in" && item != "out") continue;
    std::size_t rank = 0;
    words >> name >> type >> rank;
    std::vector<Index> dims(rank);
    for (Index& dim : dims) words >> dim;
    std::string file;
    words >> file;
    if (name == "positions") {
      rotation.positions = read_numbers<Index>(folder / file);
    } else {
      rotation.dims = dims;
      (name == "X" ? rotation.x : rotation.y) = read_numbers<float>(folder / file);
    }
  }
  return rotation;
}

class GoldenRotation : public GoldenRope {};

TEST_P(GoldenRotation, IsReproducedWithinItsTolerance) {
  Rotation r = load_rotation(folder() / GetParam());
  ASSERT_EQ(r.dims.size(), 4u);
  ASSERT_EQ(r.x.size(), r.y.size());
  ASSERT_GT(r.tolerance, 0);
  rope::Spec spec = rope::linear(std::stol(r.attributes.at("head_dim")), std::stod(r.attributes.at("linear_factor")),
                                 std::stod(r.attributes.at("base")));
  const std::string pairing = r.attributes.at("pairing");
  ASSERT_TRUE(pairing == "half" || pairing == "interleaved");
  spec.pairing = pairing == "half" ? rope::Pairing::half : rope::Pairing::interleaved;
  // Keras Hub's tensors are [batch, position, head, dim], the others' [batch, head, position, dim].
  const bool bshd = std::string(GetParam()).find("kerashub") != std::string::npos;
  const rope::Table<float> table(spec, r.positions);
  for (const Isa isa : rapt::supported_isas()) {
    std::vector<float> out(r.x.size());
    const auto view_of = [&](std::vector<float>& numbers) {
      return bshd ? rapt::bshd(numbers.data(), r.dims[0], r.dims[1], r.dims[2], r.dims[3])
                  : rapt::bhsd(numbers.data(), r.dims[0], r.dims[1], r.dims[2], r.dims[3]);
    };
    rope::rotate(view_of(r.x), view_of(out), table, {.isa = isa});
    for (std::size_t i = 0; i < out.size(); ++i)
      EXPECT_NEAR(out[i], r.y[i], r.tolerance) << rapt::name(isa) << ", element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenRotation,
                         testing::Values("rotate_burn_forward", "rotate_kerashub_linear2",
                                         "rotate_kerashub_linear5_pos12", "rotate_kerashub_ones_d6",
                                         "rotate_ctranslate2_half", "rotate_ctranslate2_interleaved"),
                         case_name);

}  // namespace
}  // namespace rapt_test::golden_test
