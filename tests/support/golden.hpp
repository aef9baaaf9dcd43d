// Cases that others wrote, from a goldens folder next to the checkout: a folder a case, with a description and raw
// numbers.
//
// case.txt is one item a line:
//   attr <name> int|float|string <value> | ints|floats <n> <values>
//   tol <absolute tolerance>
//   in|out <formal name> <dtype> <rank> <dims> <file>
// The files hold little-endian numbers in row-major order, without a header.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/tensors.hpp"

namespace rapt_test {

/// RAPT_SHARED_DIR in the environment, else what the build says, else the folder `shared` next to the checkout.
inline std::filesystem::path shared_folder() {
  if (const char* named = std::getenv("RAPT_SHARED_DIR")) return named;
#ifdef RAPT_SHARED_DIR
  return RAPT_SHARED_DIR;
#else
  return std::filesystem::path(__FILE__).parent_path() / "../../../shared";
#endif
}

/// A tensor of floats, of bools (0 or 1), of 64-bit integers, or of bytes.
struct GoldenTensor {
  std::vector<Index> dims;
  std::vector<float> numbers;   // float32 and bool
  std::vector<Index> integers;  // int64 and uint8
};

struct Golden {
  std::map<std::string, std::string> attributes;  // of several values, their number
  std::map<std::string, std::vector<double>> lists;
  std::map<std::string, GoldenTensor> tensors;  // inputs and expected outputs
  double tolerance = 0;

  Index integer(const std::string& name) const { return std::stol(attributes.at(name)); }
  bool has(const std::string& name) const { return tensors.count(name) == 1; }
};

template <class T> std::vector<T> read_elements(const std::filesystem::path& file, Index count) {
  std::vector<T> elements(at(count));
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(elements.data()), static_cast<std::streamsize>(elements.size() * sizeof(T)));
  if (!in || in.peek() != std::ifstream::traits_type::eof())
    throw std::runtime_error(file.string() + " does not hold " + std::to_string(count) + " elements");
  return elements;
}

inline void read_tensor(const std::filesystem::path& file, const std::string& type, GoldenTensor& tensor) {
  Index count = 1;
  for (const Index dim : tensor.dims) count *= dim;
  if (type == "float32") {
    tensor.numbers = read_elements<float>(file, count);
  } else if (type == "bool") {
    for (const char x : read_elements<char>(file, count)) tensor.numbers.push_back(x == 0 ? 0.0f : 1.0f);
  } else if (type == "int64") {
    tensor.integers = read_elements<Index>(file, count);
  } else if (type == "uint8") {
    for (const std::uint8_t x : read_elements<std::uint8_t>(file, count)) tensor.integers.push_back(x);
  } else {
    throw std::runtime_error(file.string() + " is of type " + type + ", which is not read");
  }
}

inline Golden load_golden(const std::filesystem::path& folder) {
  std::ifstream description(folder / "case.txt");
  if (!description) throw std::runtime_error("there is no case.txt in " + folder.string());
  Golden golden;
  for (std::string line; std::getline(description, line);) {
    std::istringstream words(line);
    std::string item, name, type;
    words >> item;
    if (item == "attr") {
      words >> name >> type;
      words >> golden.attributes[name];
      if (type == "ints" || type == "floats")
        for (double value = 0; words >> value;) golden.lists[name].push_back(value);
    } else if (item == "tol") {
      words >> golden.tolerance;
    } else if (item == "in" || item == "out") {
      std::size_t rank = 0;
      words >> name >> type >> rank;
      GoldenTensor& tensor = golden.tensors[name];
      tensor.dims.resize(rank);
      for (Index& dim : tensor.dims) words >> dim;
      std::string file;
      words >> file;
      read_tensor(folder / file, type, tensor);
    }
  }
  return golden;
}

/// Every number within the case's tolerance.
inline void expect_near(const std::vector<float>& found, const GoldenTensor& expected, double tolerance) {
  ASSERT_GT(tolerance, 0);
  ASSERT_EQ(found.size(), expected.numbers.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected.numbers[i], tolerance) << "element " << i;
}

/// How GoogleTest names a case.
inline std::string golden_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (c == '/' || c == '-') c = '_';
  return name;
}

/// Tests of cases by their folders' names; skipped where there are no goldens.
class GoldenCase : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_folder() / "goldens"))
      GTEST_SKIP() << "there is no goldens folder next to the checkout";
    golden = load_golden(shared_folder() / "goldens" / GetParam());
  }
  GoldenTensor& tensor(const std::string& name) { return golden.tensors.at(name); }

  Golden golden;
};

}  // namespace rapt_test
