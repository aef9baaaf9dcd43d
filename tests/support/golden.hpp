// Cases that others wrote, from a goldens folder next to the checkout: a folder a case, with a description and raw
// numbers.
//
// case.txt is one item a line:
//   attr <name> int|float|string <value>
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

/// A tensor of floats.
struct GoldenTensor {
  std::vector<Index> dims;
  std::vector<float> numbers;
};

struct Golden {
  std::map<std::string, std::string> attributes;
  std::map<std::string, GoldenTensor> tensors;  // inputs and expected outputs
  double tolerance = 0;
};

inline std::vector<float> read_floats(const std::filesystem::path& file, Index count) {
  std::vector<float> numbers(at(count));
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(float)));
  if (!in || in.peek() != std::ifstream::traits_type::eof())
    throw std::runtime_error(file.string() + " does not hold " + std::to_string(count) + " floats");
  return numbers;
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
    } else if (item == "tol") {
      words >> golden.tolerance;
    } else if (item == "in" || item == "out") {
      std::size_t rank = 0;
      words >> name >> type >> rank;
      if (type != "float32") throw std::runtime_error(name + " is of type " + type + ", and only float32 is read");
      GoldenTensor& tensor = golden.tensors[name];
      tensor.dims.resize(rank);
      Index count = 1;
      for (Index& dim : tensor.dims) words >> dim, count *= dim;
      std::string file;
      words >> file;
      tensor.numbers = read_floats(folder / file, count);
    }
  }
  return golden;
}

}  // namespace rapt_test
