// Tests of the parts of stories, with small made-up models, against a forward pass in double precision written without
// rapt or Eigen's products. It leaves its files, whole and damaged ones, in the folder that it is given, where other
// tests use them.
//
//     stories_test <folder>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../checkpoint.hpp"
#include "../model.hpp"
#include "../sampler.hpp"
#include "../tokenizer.hpp"

namespace {

int failures = 0;

void check(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::cout << "FAILED: " << what << "\n";
}

/// `action` throws an error that says `said`, and names the file that it is about.
void check_error(const std::string& file, const std::string& said, const std::function<void()>& action) {
  try {
    action();
    check(false, file + " has to be an error: " + said);
  } catch (const std::exception& error) {
    const std::string text = error.what();
    check(text.find(file) != std::string::npos && text.find(said) != std::string::npos,
          file + ": \"" + text + "\" has to say: " + said);
    std::cout << text << "\n";
  }
}

// ---- files --------------------------------------------------------------------------------

using Bytes = std::string;

template <class T> void put(Bytes& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void write(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A checkpoint with weights from a random number generator: large enough that scores differ, norms near 1.
Bytes made_up_checkpoint(const stories::Config& c, bool own_classifier, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes;
  const int signed_vocab_size = own_classifier ? -c.vocab_size : c.vocab_size;
  for (const int n : {c.dim, c.hidden_dim, c.layers, c.heads, c.kv_heads, signed_vocab_size, c.max_length})
    put(bytes, std::int32_t(n));
  const auto weights = [&](int count, float middle, float reach) {
    for (int i = 0; i < count; ++i) put(bytes, middle + reach * (float(random() >> 8) / float(1 << 23) - 1));
  };
  const float reach = 2 / std::sqrt(float(c.dim));
  weights(c.vocab_size * c.dim, 0, 1);
  weights(c.layers * c.dim, 1, 0.5f);
  for (const int rows : {c.dim, c.kv_dim(), c.kv_dim(), c.dim}) weights(c.layers * rows * c.dim, 0, reach);
  weights(c.layers * c.dim, 1, 0.5f);
  for (int i = 0; i < 3; ++i) weights(c.layers * c.hidden_dim * c.dim, 0, reach);
  weights(c.dim, 1, 0.5f);
  weights(c.max_length * c.head_dim(), 0, 1);
  if (own_classifier) weights(c.vocab_size * c.dim, 0, 1);
  return bytes;
}

constexpr int vocab_size = 275;

/// <unk>, the two ends, the bytes, and a few pieces to join.
Bytes made_up_tokenizer() {
  Bytes bytes;
  put(bytes, std::int32_t(6));
  const auto piece = [&](const std::string& text, float score) {
    put(bytes, score);
    put(bytes, std::int32_t(text.size()));
    bytes += text;
  };
  for (const char* text : {"<unk>", "<s>", "</s>"}) piece(text, 0);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char* digits = "0123456789ABCDEF";
    piece(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", 0);
  }
  float score = 0;
  for (const char* text :
       {"he", "th", "the", " the", " t", "at", "cat", " ", "a", "c", "e", "h", "t", "n", "o", "\xC3\xA9"})
    piece(text, --score);
  return bytes;
}
enum Piece { he = 259, th, the, _the, _t, at, cat, space, a, c, e, h, t, n, o, e_acute };

constexpr stories::Config grouped{24, 40, 2, 4, 2, vocab_size, 64};
constexpr stories::Config multi_head{32, 24, 1, 4, 4, vocab_size, 48};
constexpr stories::Config multi_query{36, 50, 3, 6, 1, vocab_size, 80};

// ---- the model against plain loops --------------------------------------------------------

using Vector = std::vector<double>;

Vector product(const stories::Matrix& weights, const Vector& x) {
  Vector y;
  for (Eigen::Index i = 0; i < weights.rows(); ++i) {
    double sum = 0;
    for (Eigen::Index j = 0; j < weights.cols(); ++j) sum += double(weights(i, j)) * x[std::size_t(j)];
    y.push_back(sum);
  }
  return y;
}

Vector normed(const Vector& x, const stories::Row& weight) {
  double squares = 0;
  for (const double number : x) squares += number * number;
  Vector y;
  for (std::size_t i = 0; i < x.size(); ++i)
    y.push_back(double(weight[Eigen::Index(i)]) * x[i] / std::sqrt(squares / double(x.size()) + 1e-5));
  return y;
}

void turn(Vector& x, int position, int head_dim) {
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const double angle = position / std::pow(10000.0, double(i % std::size_t(head_dim)) / head_dim);
    const double first = x[i], second = x[i + 1];
    x[i] = first * std::cos(angle) - second * std::sin(angle);
    x[i + 1] = first * std::sin(angle) + second * std::cos(angle);
  }
}

/// The scores after each of the tokens.
std::vector<Vector> scores(const stories::Checkpoint& model, std::span<const int> tokens) {
  const stories::Config& config = model.config;
  const auto dim = std::size_t(config.head_dim()), group = std::size_t(config.heads / config.kv_heads);
  std::vector<std::vector<Vector>> keys(model.layers.size()), values(model.layers.size());
  std::vector<Vector> all;
  for (int position = 0; position < int(tokens.size()); ++position) {
    Vector x;
    for (Eigen::Index i = 0; i < config.dim; ++i) x.push_back(model.embedding(tokens[std::size_t(position)], i));
    const auto add = [&](const Vector& y) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    };
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
      const stories::Layer& layer = model.layers[l];
      const Vector in = normed(x, layer.attention_norm);
      Vector q = product(layer.wq, in), k = product(layer.wk, in), out(x.size(), 0);
      turn(q, position, config.head_dim());
      turn(k, position, config.head_dim());
      keys[l].push_back(k);
      values[l].push_back(product(layer.wv, in));
      for (std::size_t head = 0; head < std::size_t(config.heads); ++head) {
        const std::size_t from = head * dim, kv_from = head / group * dim;
        double sum = 0;
        for (std::size_t j = 0; j < keys[l].size(); ++j) {
          double score = 0;
          for (std::size_t d = 0; d < dim; ++d) score += q[from + d] * keys[l][j][kv_from + d] / std::sqrt(double(dim));
          const double weight = std::exp(score);
          sum += weight;
          for (std::size_t d = 0; d < dim; ++d) out[from + d] += weight * values[l][j][kv_from + d];
        }
        for (std::size_t d = 0; d < dim; ++d) out[from + d] /= sum;
      }
      add(product(layer.wo, out));
      const Vector feed = normed(x, layer.feed_norm);
      Vector gate = product(layer.w1, feed);
      const Vector up = product(layer.w3, feed);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
      add(product(layer.w2, gate));
    }
    all.push_back(
        product(model.classifier.size() == 0 ? model.embedding : model.classifier, normed(x, model.final_norm)));
  }
  return all;
}

bool same_bits(const stories::Row& a, const stories::Row& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), std::size_t(a.size()) * sizeof(float)) == 0;
}

void test_model(const std::string& path) {
  const stories::Checkpoint checkpoint = stories::load_checkpoint(path);
  const stories::Config& config = checkpoint.config;
  std::mt19937 random(7);
  std::vector<int> tokens(std::size_t(config.max_length));
  for (int& token : tokens) token = int(random() % unsigned(vocab_size));
  const std::vector<Vector> expected = scores(checkpoint, tokens);

  std::vector<stories::Row> one_by_one;  // the scores after each token
  for (const std::size_t chunk : {std::size_t(1), std::size_t(7), tokens.size()}) {
    stories::Model model(checkpoint);
    double worst = 0, largest = 0;
    for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
      const std::size_t end = std::min(begin + chunk, tokens.size());
      const stories::Row logits = model.prefill(0, std::span(tokens).subspan(begin, end - begin));
      for (std::size_t i = 0; i < expected[end - 1].size(); ++i) {
        largest = std::max(largest, std::abs(expected[end - 1][i]));
        worst = std::max(worst, std::abs(double(logits[Eigen::Index(i)]) - expected[end - 1][i]));
      }
      if (chunk == 1) one_by_one.push_back(logits);
      check(same_bits(logits, one_by_one[end - 1]), path + ": the same tokens at once or one by one: the same bits");
    }
    std::cout << path << ", " << chunk << " tokens at once: largest difference " << worst << " in scores of up to "
              << largest << "\n";
    check(worst < 1e-4 * std::max(1.0, largest), path + ": scores differ from those of the plain loops");
    check_error("the model can't take in 1 tokens", "holds " + std::to_string(config.max_length),
                [&] { model.prefill(0, std::span(tokens).first(1)); });
    check_error("the model can't take in 1 tokens", "holds " + std::to_string(config.max_length),
                [&] { model.decode(std::span(tokens).first(1)); });
  }
}

/// Five texts side by side, which begin with different lengths and leave at different steps, against each alone. Also
/// where keys and values are codes.
void test_batch(const std::string& path, std::string_view cache) {
  const stories::Checkpoint checkpoint = stories::load_checkpoint(path);
  const std::string name = path + ", a cache of " + std::string(cache);
  std::mt19937 random(11);
  struct Text {
    std::size_t prompt, length;  // it leaves with so many tokens
    std::vector<int> tokens{};
    std::vector<stories::Row> alone{};  // the scores after each token
  };
  std::vector<Text> texts{{9, 20}, {1, 40}, {20, 25}, {3, 10}, {17, 40}};
  for (Text& text : texts) {
    stories::Model model(checkpoint, 1, cache);
    for (std::size_t i = 0; i < text.length; ++i) {
      text.tokens.push_back(int(random() % unsigned(vocab_size)));
      text.alone.push_back(model.prefill(0, std::span(text.tokens).last(1)));
    }
  }

  stories::Model model(checkpoint, texts.size(), cache);
  const auto prefill = [&](std::size_t s, std::size_t begin, std::size_t end) {
    check(same_bits(model.prefill(s, std::span(texts[s].tokens).subspan(begin, end - begin)), texts[s].alone[end - 1]),
          name + ": a prompt next to others: the same bits as alone");
  };
  for (std::size_t s = texts.size(); s-- > 1;) prefill(s, 0, texts[s].prompt);
  prefill(0, 0, 4);  // in two pieces, after the others
  prefill(0, 4, texts[0].prompt);

  std::vector<std::size_t> batch{0, 1, 2, 3, 4};  // sequence s is text batch[s]
  std::vector<std::size_t> sizes;                 // of the batch, in each step
  for (;;) {
    std::vector<int> tokens;
    std::vector<std::size_t> going_on, left;
    for (std::size_t s = 0; s < batch.size(); ++s) {
      const Text& text = texts[batch[s]];
      const auto length = std::size_t(model.length(s));
      check(length == text.prompt + sizes.size(), name + ": each step adds a token to each sequence");
      if (length == text.length) continue;
      going_on.push_back(s);
      left.push_back(batch[s]);
      tokens.push_back(text.tokens[length]);
    }
    if (going_on.empty()) break;
    model.keep(going_on);
    batch = left;
    check(model.sequences() == batch.size(), name + ": as many sequences as are kept");
    const stories::Matrix logits = model.decode(tokens);
    for (std::size_t s = 0; s < batch.size(); ++s)
      check(same_bits(logits.row(Eigen::Index(s)), texts[batch[s]].alone[std::size_t(model.length(s)) - 1]),
            name + ": a step of a batch: the same bits as alone");
    sizes.push_back(batch.size());
  }
  std::vector<std::size_t> expected;
  for (std::size_t step = 0; step < 39; ++step)
    expected.push_back(1 + (step < 23) + (step < 11) + (step < 7) + (step < 5));
  check(sizes == expected, name + ": a text that has ended leaves the batch");
  check_error("the model can't decode 0 tokens", "it takes 1, one for each sequence", [&] { model.decode({}); });
  check_error("the model has no sequence 1", "it has 1", [&] { model.length(1); });
  const std::vector<std::size_t> gone{1}, twice{0, 0};
  for (const auto& sequences : {gone, twice})
    check_error("the sequences to keep", "less than 1", [&] { model.keep(sequences); });
  check_error("the cache's type is 'q3_0'", "one of float, half", [&] { stories::Model(checkpoint, 1, "q3_0"); });
}

void test_checkpoints(const std::string& folder) {
  const Bytes good = made_up_checkpoint(grouped, false, 1);
  write(folder + "model.bin", good);
  write(folder + "multi_head.bin", made_up_checkpoint(multi_head, false, 2));
  write(folder + "multi_query.bin", made_up_checkpoint(multi_query, true, 3));
  for (const char* name : {"model.bin", "multi_head.bin", "multi_query.bin"}) {
    test_model(folder + name);
    for (const std::string_view cache : stories::cache_types) test_batch(folder + name, cache);
  }

  const auto bad = [&](const std::string& name, const Bytes& bytes, const std::string& said) {
    write(folder + name, bytes);
    check_error(name, said, [&] { stories::load_checkpoint(folder + name); });
  };
  // The good file with one of its integers changed.
  const auto with = [&](int index, std::int32_t value) {
    Bytes bytes = good;
    std::memcpy(bytes.data() + 4 * index, &value, 4);
    return bytes;
  };
  bad("empty.bin", "", "it has 0 bytes and ends inside the header");
  bad("half_header.bin", good.substr(0, 20), "it has 20 bytes and ends inside the header");
  bad("truncated.bin", good.substr(0, good.size() - 1000),
      std::to_string(good.size() - 1000) + " bytes; its header (dim 24, 2 layers, 275 tokens) asks for " +
          std::to_string(good.size()));
  bad("too_long.bin", good + "more", std::to_string(good.size() + 4) + " bytes; its header");
  bad("bad_dim.bin", with(0, -24), "dim is -24; it has to be from 1 to");
  bad("bad_hidden.bin", with(1, 0), "hidden_dim is 0");
  bad("bad_layers.bin", with(2, 1 << 30), "n_layers is 1073741824");
  bad("bad_heads.bin", with(3, 5), "dim is 24; it has to be a multiple of its n_heads, 5");
  bad("bad_kv_heads.bin", with(4, 3), "n_heads is 4; it has to be a multiple of its n_kv_heads, 3");
  bad("odd_head.bin", with(3, 8), "dim / n_heads is 3; it has to be even");
  bad("bad_vocabulary.bin", with(5, std::numeric_limits<std::int32_t>::min()), "vocab_size is -2147483648");
  bad("no_classifier.bin", with(5, -vocab_size), "is truncated");
  bad("bad_length.bin", with(6, 0), "seq_len is 0");
  bad("later_format.bin", with(0, 0x616b3432), "is a checkpoint of a later format");
  bad("nan.bin", with(1000, 0x7fc00000), "is corrupt: token_embedding holds");
  check_error("missing.bin", "No such file", [&] { stories::load_checkpoint(folder + "missing.bin"); });
  check_error(folder, "is a directory", [&] { stories::load_checkpoint(folder); });
}

// ---- the tokenizer and the sampler --------------------------------------------------------

void test_tokenizer(const std::string& folder) {
  const Bytes good = made_up_tokenizer();
  write(folder + "tokenizer.bin", good);
  const stories::Tokenizer tokenizer(folder + "tokenizer.bin", vocab_size);
  const auto byte = [](int value) { return 3 + value; };

  using Tokens = std::vector<int>;
  check(tokenizer.encode("") == Tokens{1}, "nothing is the beginning alone");
  check(tokenizer.encode("cat") == Tokens({1, space, cat}), "'cat' joins 'at', then 'cat'");
  check(tokenizer.encode("the") == Tokens({1, _the}), "'the' joins 'he', 'the', ' the'");
  check(tokenizer.encode("no\xC3\xA9") == Tokens({1, space, n, o, e_acute}), "a character of two bytes can be a piece");
  check(tokenizer.encode("\xE2\x82\xAC!") == Tokens({1, space, byte(0xE2), byte(0x82), byte(0xAC), byte('!')}),
        "a character that is no piece goes byte by byte");
  check(tokenizer.encode("\x80\xFF") == Tokens({1, space, byte(0x80), byte(0xFF)}), "and so does what is no UTF-8");

  for (const std::string text : {"the cat", "no\xC3\xA9", "\xE2\x82\xAC 5\n", "\x80\xFF", "  two spaces", "x"}) {
    const Tokens tokens = tokenizer.encode(text);
    std::string back;
    for (std::size_t i = 1; i < tokens.size(); ++i) back += tokenizer.decode(tokens[i - 1], tokens[i]);
    check(back == text, "'" + text + "' comes back as '" + back + "'");
  }

  const auto bad = [&](const std::string& name, const Bytes& bytes, const std::string& said) {
    write(folder + name, bytes);
    check_error(name, said, [&] { stories::Tokenizer(folder + name, vocab_size); });
  };
  Bytes garbage = good, long_piece = good, nan_score = good;
  garbage.replace(garbage.find("<0x41>"), 6, "<oops>");
  long_piece[8] = 100;  // the length of the first piece
  nan_score.replace(4, 4, "\xFF\xFF\xFF\xFF");
  bad("truncated_tokenizer.bin", good.substr(0, good.size() - 3), "ends inside the length of piece 274 of 275");
  bad("empty_tokenizer.bin", "", "ends inside the length of the longest piece");
  bad("garbage_tokenizer.bin", garbage, "piece 68 of 275 is '<oops>'; it has to be '<0x41>'");
  bad("long_piece_tokenizer.bin", long_piece, "piece 0 of 275 has 100 bytes; it has to have from 1 to 6");
  bad("nan_score_tokenizer.bin", nan_score, "the score of piece 0 of 275 is infinite or NaN");
  bad("other_tokenizer.bin", good + "12345678", "has 8 bytes after piece 274");
  bad("text_tokenizer.bin", "This is a text and not a tokenizer.", "its longest piece has 1936287828 bytes");
  check_error("tokenizer.bin", "it has to have 259 or more",
              [&] { stories::Tokenizer(folder + "tokenizer.bin", 100); });
  check_error("no_tokenizer.bin", "No such file", [&] { stories::Tokenizer(folder + "no_tokenizer.bin", vocab_size); });
}

void test_sampler() {
  // With 256 tokens that are all as likely, a draw shows the generator's upper eight bits.
  const stories::Row level = stories::Row::Zero(256);
  stories::Sampler one(1, 1, 1), other(1, 1, 133742);
  for (const int token : {71, 171, 185, 77, 14, 200}) check(one(level) == token, "the draws of seed 1");
  for (const int token : {180, 159, 137, 136, 83, 222}) check(other(level) == token, "the draws of seed 133742");

  stories::Row logits(4);
  logits << std::log(0.15f), std::log(0.5f), std::log(0.05f), std::log(0.3f);
  const auto counts = [&](float temperature, float top_p) {
    stories::Sampler sample(temperature, top_p, 5);
    std::vector<double> count(4);
    for (int i = 0; i < 20000; ++i) count[std::size_t(sample(logits))] += 1.0 / 20000;
    return count;
  };
  const auto near = [](const std::vector<double>& count, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < count.size(); ++i)
      if (std::abs(count[i] - expected[i]) > 0.02 || (expected[i] == 0 && count[i] != 0)) return false;
    return true;
  };
  check(near(counts(0, 0.9f), {0, 1, 0, 0}), "temperature 0: the best");
  check(near(counts(1, 1), {0.15, 0.5, 0.05, 0.3}), "temperature 1: as they are");
  check(near(counts(1, 0.6f), {0, 0.625, 0, 0.375}), "top-p 0.6: the best two");
  check(near(counts(1, 0.4f), {0, 1, 0, 0}), "top-p 0.4: the best");
  check(near(counts(0.5f, 1), {0.0616, 0.6849, 0.0068, 0.2466}), "temperature 0.5: squared");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: stories_test <folder>\n", 2;
  const std::string folder = std::string(argv[1]) + "/";
  std::filesystem::create_directories(folder);
  test_checkpoints(folder);
  test_tokenizer(folder);
  test_sampler();
  std::cout << (failures == 0 ? "all good\n" : std::to_string(failures) + " failed\n");
  return failures == 0 ? 0 : 1;
}
