// How exact attention is, by what its cache keeps keys and values as: a table of errors, and what a model writes then.
//
//     rapt_errors                                 with the model of the tests, where there is one
//     rapt_errors checkpoint.bin tokenizer.bin    with a checkpoint of llama2.c, stories260K for instance
//
// Nothing is timed, and no number is random: the report is the same whatever the instruction set.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inputs.hpp"
#include "progress.hpp"
#include "rapt/rapt.hpp"
#include "stories/checkpoint.hpp"
#include "stories/inside.hpp"
#include "stories/model.hpp"
#include "stories/tokenizer.hpp"

namespace bench {
namespace {

constexpr int width = 100;

// ---- what is attended to ------------------------------------------------------------------------

/// Queries, the last of them at the last key, and keys and values: [position, head, dim].
struct Data {
  Index q_heads, kv_heads, dim;
  std::vector<float> q, k, v;

  template <class T> rapt::View<const T> queries(const std::vector<T>& x) const { return rows(x, q_heads); }
  template <class T> rapt::View<const T> keys(const std::vector<T>& x) const { return rows(x, kv_heads); }
  template <class T> rapt::View<T> keys(std::vector<T>& x) const { return rows(x, kv_heads); }
  template <class T> rapt::View<T> outputs(std::vector<T>& x) const { return rows(x, q_heads); }
  Index length() const { return static_cast<Index>(k.size()) / (kv_heads * dim); }

 private:
  template <class X> auto rows(X& x, Index heads) const {
    return rapt::bshd(x.data(), 1, static_cast<Index>(x.size()) / (heads * dim), heads, dim);
  }
};

/// Numbers from a normal distribution, near enough: sums of twelve uniform ones, as three of four are.
std::vector<float> gaussian(Index count, std::uint64_t seed) {
  Numbers source(seed);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) {
    const double sum = source.next() + source.next() + source.next();
    x = static_cast<float>(sum / std::sqrt(3.0));
  }
  return numbers;
}

Data gaussian_data() {
  constexpr Index q_heads = 8, kv_heads = 2, dim = 128, queries = 64, keys = 2048;
  return {q_heads,
          kv_heads,
          dim,
          gaussian(queries * q_heads * dim, 1),
          gaussian(keys * kv_heads * dim, 2),
          gaussian(keys * kv_heads * dim, 3)};
}

/// Keys of real models have some dims that are much larger than the others, always the same ones.
Data data_with_outliers() {
  Data data = gaussian_data();
  for (std::size_t i = 0; i < data.k.size(); ++i) {
    const Index dim = static_cast<Index>(i) % data.dim;
    if (dim == 5 || dim == 46 || dim == 77 || dim == 120) data.k[i] *= 20;
  }
  return data;
}

/// Each layer of a model, while it tells a story.
std::vector<Data> data_of_model(const stories::Checkpoint& weights, std::span<const int> tokens) {
  stories::Model model(weights);
  const stories::Config& c = weights.config;
  const auto numbers = [](const stories::Matrix& m) { return std::vector<float>(m.data(), m.data() + m.size()); };
  std::vector<Data> layers;
  for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
    const stories::Attended a = stories::attended(weights, model, layer, tokens);
    layers.push_back({c.heads, c.kv_heads, c.head_dim(), numbers(a.q), numbers(a.k), numbers(a.v)});
  }
  return layers;
}

// ---- errors -------------------------------------------------------------------------------------

/// How far numbers are from others.
struct Distance {
  double largest = 0, squares = 0, squares_wanted = 0, count = 0;

  template <class T> void add(const std::vector<float>& found, const std::vector<T>& wanted) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double apart = std::abs(static_cast<double>(found[i]) - static_cast<double>(wanted[i]));
      largest = std::max(largest, apart);
      squares += apart * apart;
      squares_wanted += static_cast<double>(wanted[i]) * static_cast<double>(wanted[i]);
    }
    count += static_cast<double>(found.size());
  }
  /// Root mean squares: of what is wanted, and of the distance as a part of that.
  double wanted() const { return std::sqrt(squares_wanted / count); }
  double relative() const { return std::sqrt(squares / squares_wanted); }
};

struct Errors {
  Distance cache;    ///< of attention to the cache, from the truth
  Distance held;     ///< of float's attention to the numbers that the cache holds, from the truth
  Distance between;  ///< of the first from the second
};

/// Attention in double, as the textbook has it.
std::vector<double> truth(const Data& data) {
  const auto in_double = [](const std::vector<float>& x) { return std::vector<double>(x.begin(), x.end()); };
  const std::vector<double> q = in_double(data.q), k = in_double(data.k), v = in_double(data.v);
  std::vector<double> out(q.size());
  rapt::reference::attention(data.queries(q), data.keys(k), data.keys(v), data.outputs(out), rapt::causal());
  return out;
}

/// Keys as K, values as V, queries as Q; keys and queries turned by Hadamard's matrix or not.
template <class K, class V, class Q, bool hadamard>
void measure(const Data& data, const std::vector<double>& exact, Errors& errors) {
  std::vector<float> channels;
  if constexpr (std::is_same_v<K, rapt::int8_channels>) channels = rapt::channel_scales(data.keys(data.k), 1, hadamard);
  rapt::KvCache<K, V> cache({.kv_heads = data.kv_heads,
                             .capacity = data.length(),
                             .head_dim = data.dim,
                             .channel_scales = channels,
                             .hadamard = hadamard});
  cache.append(data.keys(data.k), data.keys(data.v));
  std::vector<float> k(data.k.size()), v(data.v.size()), out(data.q.size()), out_of_held(data.q.size());
  cache.read_keys(0, 0, data.keys(k));
  cache.read_values(0, 0, data.keys(v));

  std::vector<Q> q;
  for (const float x : data.q) q.push_back(static_cast<Q>(x));
  const std::vector<float> q_held(q.begin(), q.end());
  rapt::attention(data.queries(std::as_const(q)), cache, data.outputs(out), rapt::causal());
  rapt::attention(data.queries(q_held), data.keys(std::as_const(k)), data.keys(std::as_const(v)),
                  data.outputs(out_of_held), rapt::causal());
  errors.cache.add(out, exact);
  errors.held.add(out_of_held, exact);
  errors.between.add(out, out_of_held);
}

/// Of a key's or value's number, in heads of 128.
template <class K, class V> double bits() {
  constexpr Index dim = 128, positions = 64;
  rapt::CacheShape shape{.kv_heads = 1, .capacity = positions, .head_dim = dim};
  const std::vector<float> channels(dim, 1);
  if constexpr (std::is_same_v<K, rapt::int8_channels>) shape.channel_scales = channels;
  const rapt::KvCache<K, V> cache(shape);
  return 8.0 * static_cast<double>(cache.bytes()) / (2 * dim * positions);
}

struct Storage {
  const char* name;
  double bits;
  void (*measure)(const Data&, const std::vector<double>&, Errors&);
};

template <class K, class V = K, class Q = float, bool hadamard = false> Storage storage(const char* name) {
  return {name, bits<K, V>(), &measure<K, V, Q, hadamard>};
}
/// Keys turned by Hadamard's matrix.
template <class K> Storage turned(const char* name) { return storage<K, K, float, true>(name); }

std::vector<Storage> storages() {
  return {storage<float>("float"),
          storage<Eigen::half>("half"),
          storage<Eigen::bfloat16>("bfloat16"),
          storage<Eigen::bfloat16, Eigen::bfloat16, Eigen::bfloat16>("bfloat16, q too"),
          storage<rapt::fp8_e4m3>("fp8_e4m3"),
          storage<rapt::fp8_e5m2>("fp8_e5m2"),
          storage<rapt::int8>("int8"),
          turned<rapt::int8>("int8, Hadamard"),
          storage<rapt::int8_channels, rapt::int8>("int8_channels"),
          storage<rapt::q8_0>("q8_0"),
          turned<rapt::q8_0>("q8_0, Hadamard"),
          storage<rapt::q5_1>("q5_1"),
          storage<rapt::q5_0>("q5_0"),
          storage<rapt::q4_1>("q4_1"),
          storage<rapt::q4_0>("q4_0"),
          turned<rapt::q4_0>("q4_0, Hadamard")};
}

// ---- the report ---------------------------------------------------------------------------------

void rule(char c) { std::puts(std::string(width, c).c_str()); }

void print_head() {
  std::puts(
      "How far attention's output is from the textbook's formula in double, computed with the numbers that\n"
      "went into the cache.\n"
      "\n"
      "  kept as        what the cache keeps keys and values as; queries are float, and in the line that says\n"
      "                 so bfloat16 too, which is then computed by multiply-adds of depth 2; Hadamard: keys and\n"
      "                 queries turned by his matrix first; int8_channels: keys, with values as int8\n"
      "  bits           that a number takes, its part of the scales included, in heads of 128\n"
      "  cache          the error of attention to the cache: its largest, and its root mean square as a part of\n"
      "                 the output's\n"
      "  held           the same of attention in float, by the same queries, to the numbers that the cache\n"
      "                 holds, read back: what keeping them so costs by itself\n"
      "  arithmetic     how far these two outputs are apart, root mean square again: what the arithmetic adds\n");
  std::printf("%-18s %6s   %11s %11s   %11s %11s   %12s\n", "", "", "cache", "cache", "held", "held", "arithmetic");
  std::printf("%-18s %6s   %11s %11s   %11s %11s   %12s\n", "kept as", "bits", "largest", "rel. RMS", "largest",
              "rel. RMS", "rel. RMS");
  rule('=');
}

void print_errors(const char* title, const std::vector<Data>& parts, Progress& progress) {
  progress.say(std::string(title) + ": the true result in double");
  std::vector<std::vector<double>> exact;
  for (const Data& data : parts) exact.push_back(truth(data));
  progress.clear();
  std::puts(title);
  double outputs = 0;
  for (const Storage& s : storages()) {
    Errors e;
    for (std::size_t i = 0; i < parts.size(); ++i) s.measure(parts[i], exact[i], e);
    std::printf("  %-16s %6.2f   %11.1e %11.1e   %11.1e %11.1e   %12.1e\n", s.name, s.bits, e.cache.largest,
                e.cache.relative(), e.held.largest, e.held.relative(), e.between.relative());
    outputs = e.cache.wanted();
  }
  std::printf("  of outputs whose root mean square is %.2g\n", outputs);
  rule('-');
}

/// How many tokens after the prompt are the same, up to the first that isn't.
std::size_t same_tokens(const std::vector<int>& a, const std::vector<int>& b, std::size_t prompt) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin()) - prompt;
}

void print_texts(const stories::Checkpoint& weights, const stories::Tokenizer& tokenizer, Progress& progress) {
  const std::vector<const char*> prompts{"Once upon a time", "The big red dog", "Lily and Tim", "Zoo"};
  const auto length = static_cast<std::size_t>(weights.config.max_length);
  std::printf(
      "\nWhat the model writes after a prompt, always the likeliest token, up to %zu tokens: how many of them\n"
      "are as with a cache of float, before the first that is not\n\n%-18s",
      length, "kept as");
  for (const char* prompt : prompts) std::printf(" %15s", (std::string("\"") + prompt + "\"").c_str());
  std::puts("");
  rule('=');
  std::vector<std::vector<int>> in_float;
  for (const std::string_view cache : stories::cache_types) {
    progress.say("writing, with a cache of " + std::string(cache));
    std::string line;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      stories::Model model(weights, 1, cache);
      const std::vector<int> prompt = tokenizer.encode(prompts[i]), text = stories::write_on(model, prompt, length);
      if (in_float.size() == i) in_float.push_back(text);
      char cell[32];
      std::snprintf(cell, sizeof cell, " %8zu of %3zu", same_tokens(text, in_float[i], prompt.size()),
                    length - prompt.size());
      line += cell;
    }
    progress.clear();
    std::printf("  %-16s%s\n", std::string(cache).c_str(), line.c_str());
  }
  rule('-');
}

void report_made_up() {
  Progress progress;
  print_head();
  print_errors("Gaussian numbers; 8 query heads of 128 on 2 key/value heads, 2048 keys, the last 64 queries",
               {gaussian_data()}, progress);
  print_errors("The same with 4 dims of the keys 20 times as large, as outlier channels of real keys are",
               {data_with_outliers()}, progress);
}

/// The same of what a model computes, and its texts.
void report_model(const std::string& checkpoint, const std::string& tokenizer_file) {
  Progress progress;
  const stories::Checkpoint weights = stories::load_checkpoint(checkpoint);
  const stories::Tokenizer tokenizer(tokenizer_file, weights.config.vocab_size);
  stories::Model model(weights);
  const stories::Config& c = weights.config;
  const auto length = static_cast<std::size_t>(std::min(c.max_length, 256));
  const std::vector<int> tokens = stories::write_on(model, tokenizer.encode("Once upon a time"), length);
  char title[width];
  std::snprintf(title, sizeof title, "All %d layers of a model: %d query heads of %d on %d key/value heads, %zu tokens",
                c.layers, c.heads, c.head_dim(), c.kv_heads, tokens.size());
  print_errors(title, data_of_model(weights, tokens), progress);
  print_texts(weights, tokenizer, progress);
}

constexpr const char* help =
    "rapt_errors: how exact attention is, by what its cache keeps keys and values as.\n"
    "\n"
    "  rapt_errors [checkpoint tokenizer]    a model of llama2.c, and its tokenizer\n"
    "  rapt_errors --help                    this\n";

int run(std::span<char*> arguments) {
  if (!arguments.empty() && arguments.size() != 2) {
    const bool wanted = std::string(arguments[0]) == "--help";
    std::fputs(help, wanted ? stdout : stderr);
    return wanted ? 0 : 2;
  }
  const std::string folder = RAPT_MODELS_DIR "/stories260K/";
  const std::string checkpoint = arguments.empty() ? folder + "stories260K.bin" : arguments[0];
  const std::string tokenizer = arguments.empty() ? folder + "tok512.bin" : arguments[1];
  report_made_up();
  if (arguments.empty() && !std::filesystem::exists(checkpoint))
    std::printf("SKIPPED: a model's keys and values, and its texts, as there is no %s\n", checkpoint.c_str());
  else
    report_model(checkpoint, tokenizer);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
