#include "checkpoint.hpp"

#include <array>
#include <cstdint>

#include "file.hpp"

namespace stories {
namespace {

/// More than any model has, and so little that no product of sizes overflows.
constexpr std::int32_t most = 1 << 20, most_layers = 1 << 10;

/// The later formats of llama2.c begin with this instead of with a size.
constexpr std::int32_t magic_of_later_formats = 0x616b3432;

int checked(const File& file, const char* name, std::int32_t value, std::int32_t largest) {
  if (value < 1 || value > largest)
    file.fail(std::string("is no checkpoint: the header's ") + name + " is " + std::to_string(value),
              "it has to be from 1 to " + std::to_string(largest));
  return value;
}

void check_divides(const File& file, const char* part, int divisor, const char* whole, int dividend) {
  if (dividend % divisor != 0)
    file.fail(std::string("is no checkpoint: the header's ") + whole + " is " + std::to_string(dividend),
              std::string("it has to be a multiple of its ") + part + ", " + std::to_string(divisor));
}

/// Seven integers. A negative vocabulary size says that the classifier has weights of its own.
Config read_config(File& file, bool& own_classifier) {
  const auto header = file.read<std::array<std::int32_t, 7>>("the header, seven integers of 4 bytes");
  if (header[0] == magic_of_later_formats)
    file.fail("is a checkpoint of a later format",
              "it has to be one of the first, which has no version and is all float32");
  own_classifier = header[5] < 0;
  Config c{};
  c.dim = checked(file, "dim", header[0], most);
  c.hidden_dim = checked(file, "hidden_dim", header[1], most);
  c.layers = checked(file, "n_layers", header[2], most_layers);
  c.heads = checked(file, "n_heads", header[3], most);
  c.kv_heads = checked(file, "n_kv_heads", header[4], most);
  c.vocab_size = checked(file, "vocab_size", own_classifier && header[5] >= -most ? -header[5] : header[5], most);
  c.max_length = checked(file, "seq_len", header[6], most);
  check_divides(file, "n_heads", c.heads, "dim", c.dim);
  check_divides(file, "n_kv_heads", c.kv_heads, "n_heads", c.heads);
  if (c.head_dim() % 2 != 0)
    file.fail("is no checkpoint: dim / n_heads is " + std::to_string(c.head_dim()),
              "it has to be even, as dims are rotated in pairs");
  return c;
}

/// Cosines and sines of the rotary embedding stand in the file too; the model works out its own.
std::uint64_t rotary_floats(const Config& c) {
  return 2 * std::uint64_t(c.max_length) * std::uint64_t(c.head_dim() / 2);
}

std::uint64_t file_size(const Config& c, bool own_classifier) {
  const auto dim = std::uint64_t(c.dim), hidden = std::uint64_t(c.hidden_dim), kv_dim = std::uint64_t(c.kv_dim());
  const std::uint64_t layer = 2 * dim + 2 * dim * dim + 2 * kv_dim * dim + 3 * hidden * dim;
  const std::uint64_t vocabulary = std::uint64_t(c.vocab_size) * dim * (own_classifier ? 2 : 1);
  const std::uint64_t floats = vocabulary + std::uint64_t(c.layers) * layer + dim + rotary_floats(c);
  return 7 * sizeof(std::int32_t) + floats * sizeof(float);
}

template <class Weights> void read_weights(File& file, Weights& weights, int rows, int cols, const std::string& name) {
  weights.resize(rows, cols);
  file.read(weights.data(), std::uint64_t(weights.size()) * sizeof(float), name);
  if (!weights.allFinite())
    file.fail("is corrupt: " + name + " holds a number that is infinite or NaN", "weights have to be finite");
}

/// The file holds one kind of weights for all layers, then the next kind.
template <class Weights>
void read_layers(File& file, Checkpoint& c, Weights Layer::*weights, int rows, int cols, const std::string& name) {
  for (std::size_t i = 0; i < c.layers.size(); ++i)
    read_weights(file, c.layers[i].*weights, rows, cols, name + " of layer " + std::to_string(i));
}

}  // namespace

Checkpoint load_checkpoint(const std::string& path) {
  File file(path);
  bool own_classifier = false;
  Checkpoint c{read_config(file, own_classifier), {}, {}, {}, {}};
  const Config& n = c.config;

  const std::uint64_t wanted = file_size(n, own_classifier);
  if (file.size() != wanted)
    file.fail((file.size() < wanted ? "is truncated: it has " : "is no checkpoint: it has ") +
                  std::to_string(file.size()) + " bytes",
              "its header (dim " + std::to_string(n.dim) + ", " + std::to_string(n.layers) + " layers, " +
                  std::to_string(n.vocab_size) + " tokens) asks for " + std::to_string(wanted));

  c.layers.resize(static_cast<std::size_t>(n.layers));
  read_weights(file, c.embedding, n.vocab_size, n.dim, "token_embedding");
  read_layers(file, c, &Layer::attention_norm, 1, n.dim, "rms_att");
  read_layers(file, c, &Layer::wq, n.dim, n.dim, "wq");
  read_layers(file, c, &Layer::wk, n.kv_dim(), n.dim, "wk");
  read_layers(file, c, &Layer::wv, n.kv_dim(), n.dim, "wv");
  read_layers(file, c, &Layer::wo, n.dim, n.dim, "wo");
  read_layers(file, c, &Layer::feed_norm, 1, n.dim, "rms_ffn");
  read_layers(file, c, &Layer::w1, n.hidden_dim, n.dim, "w1");
  read_layers(file, c, &Layer::w2, n.dim, n.hidden_dim, "w2");
  read_layers(file, c, &Layer::w3, n.hidden_dim, n.dim, "w3");
  read_weights(file, c.final_norm, 1, n.dim, "rms_final");
  file.skip(rotary_floats(n) * sizeof(float));
  if (own_classifier) read_weights(file, c.classifier, n.vocab_size, n.dim, "wcls");
  return c;
}

}  // namespace stories
