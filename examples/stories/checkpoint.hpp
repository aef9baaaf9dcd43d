// The weights of a small Llama, from a checkpoint of llama2.c: the first format, all float32.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

namespace stories {

/// A row is a position, a token, or an output of a projection: weights are [out, in].
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

struct Config {
  int dim;         ///< of the stream that runs through the layers
  int hidden_dim;  ///< of the feed-forward network
  int layers;
  int heads;     ///< of queries
  int kv_heads;  ///< of keys and values
  int vocab_size;
  int max_length;  ///< in tokens

  int head_dim() const { return dim / heads; }
  int kv_dim() const { return head_dim() * kv_heads; }
};

struct Layer {
  Row attention_norm;     // [dim]
  Matrix wq, wk, wv, wo;  // [dim, dim], [kv_dim, dim], [kv_dim, dim], [dim, dim]
  Row feed_norm;          // [dim]
  Matrix w1, w2, w3;      // [hidden_dim, dim], [dim, hidden_dim], [hidden_dim, dim]
};

struct Checkpoint {
  Config config;
  Matrix embedding;  // [vocab_size, dim]
  std::vector<Layer> layers;
  Row final_norm;     // [dim]
  Matrix classifier;  // [vocab_size, dim], or empty: the embedding serves as it
};

/// Throws std::runtime_error, which names the file, what was found and what had to be there, unless the file is whole:
/// a header that can be right, exactly as many bytes as it asks for, and finite weights.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace stories
