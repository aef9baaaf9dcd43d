// A small language model that tells stories: rapt at work in a whole Llama.
//
//     stories checkpoint.bin tokenizer.bin -i "Once upon a time"
//
// The prompt goes through the model at once (prefill), then the model writes a token at a time (decode), each from all
// before it. Only the new tokens' queries, keys and values are computed: the others' stand in the cache. The text is on
// the standard output and nothing else, the speed is on the standard error.
//
// file, checkpoint, tokenizer: reading; model: the Llama; sampler: choosing; main: from one token to the next.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "model.hpp"
#include "sampler.hpp"
#include "tokenizer.hpp"

namespace {

constexpr const char* usage =
    "usage: stories <checkpoint> <tokenizer> [options]\n"
    "  -i <prompt>       the story's beginning; none by default\n"
    "  -n <tokens>       how many tokens the text has at most, the prompt's too; 256 by default, 0: all that fit\n"
    "  -t <temperature>  0, the default: always the likeliest token; 1: as the model weighs them\n"
    "  -p <top-p>        draw only from the likeliest tokens that have this probability together; 0.9 by default\n"
    "  -s <seed>         for the draws, 1 or more; from the clock by default\n"
    "  -c <tokens>       how many tokens of the prompt go through the model at once; all by default\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Arguments {
  std::string checkpoint, tokenizer, prompt;
  int tokens = 256;
  float temperature = 0, top_p = 0.9f;
  std::optional<std::uint64_t> seed;
  int chunk = 0;
};

double number(const std::string& option, const char* text, double least, double most, bool whole) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most) || (whole && value != std::floor(value)))
    throw UsageError(option + " is '" + text + "'; it has to be a " + (whole ? "whole " : "") + "number from " +
                     std::to_string(static_cast<long long>(least)) + " to " +
                     std::to_string(static_cast<long long>(most)));
  return value;
}

Arguments parse(std::span<char*> words) {
  constexpr double many = 1 << 30, precise = 1LL << 53;
  Arguments arguments;
  std::vector<std::string> files;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      files.push_back(word);
      continue;
    }
    if (word.size() != 2 || std::string("intpsc").find(word[1]) == std::string::npos)
      throw UsageError("there is no option " + word);
    if (++i == words.size()) throw UsageError(word + " needs a value");
    const char* value = words[i];
    switch (word[1]) {
      case 'i': arguments.prompt = value; break;
      case 'n': arguments.tokens = static_cast<int>(number(word, value, 0, many, true)); break;
      case 't': arguments.temperature = static_cast<float>(number(word, value, 0, 1000, false)); break;
      case 'p': arguments.top_p = static_cast<float>(number(word, value, 0, 1, false)); break;
      case 's': arguments.seed = static_cast<std::uint64_t>(number(word, value, 1, precise, true)); break;
      default: arguments.chunk = static_cast<int>(number(word, value, 1, many, true)); break;
    }
  }
  if (files.size() != 2)
    throw UsageError("two files are needed, a checkpoint and a tokenizer; given: " + std::to_string(files.size()));
  arguments.checkpoint = files[0];
  arguments.tokenizer = files[1];
  return arguments;
}

/// Seconds since it was made or last asked.
class Watch {
 public:
  double lap() {
    const auto now = Clock::now();
    const std::chrono::duration<double> time = now - start_;
    start_ = now;
    return time.count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// A text as it grows. Control characters are left out, as a terminal would obey them.
class Story {
 public:
  explicit Story(const stories::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void add(int token) {
    const std::string piece = tokenizer_.decode(previous_, token);
    if (piece.size() != 1 || !is_control(static_cast<unsigned char>(piece[0]))) std::cout << piece << std::flush;
    previous_ = token;
  }

 private:
  static bool is_control(unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7F; }

  const stories::Tokenizer& tokenizer_;
  int previous_ = stories::Tokenizer::begin;
};

void report(const char* phase, std::size_t tokens, double seconds) {
  std::cerr << std::left << std::setw(8) << phase << std::right << std::setw(5) << tokens << " tokens in " << std::fixed
            << std::setprecision(3) << seconds << " s: " << std::setprecision(0) << double(tokens) / seconds
            << " tokens per second\n";
}

void tell(const Arguments& arguments) {
  stories::Model model(stories::load_checkpoint(arguments.checkpoint));
  const stories::Config& config = model.config();
  const stories::Tokenizer tokenizer(arguments.tokenizer, config.vocab_size);

  const std::uint64_t clock =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) % 1000000;
  const std::uint64_t seed = arguments.seed.value_or(clock + 1);
  stories::Sampler sample(arguments.temperature, arguments.top_p, seed);

  const std::vector<int> prompt = tokenizer.encode(arguments.prompt);
  const int length = arguments.tokens == 0 ? config.max_length : arguments.tokens;
  if (length > config.max_length)
    throw std::runtime_error("-n is " + std::to_string(length) + "; this model holds " +
                             std::to_string(config.max_length) + " tokens");
  if (prompt.size() > static_cast<std::size_t>(length))
    throw std::runtime_error("the prompt has " + std::to_string(prompt.size()) + " tokens; -n allows " +
                             std::to_string(length));

  // Prefill: the whole prompt, or a chunk at a time. The last token's scores choose the first token of the answer.
  Story story(tokenizer);
  Watch watch;
  const std::size_t chunk = arguments.chunk == 0 ? prompt.size() : static_cast<std::size_t>(arguments.chunk);
  stories::Row logits;
  for (std::span<const int> rest(prompt); !rest.empty();) {
    const std::span<const int> now = rest.first(std::min(chunk, rest.size()));
    logits = model.forward(now);
    rest = rest.subspan(now.size());
  }
  const double prefill = watch.lap();
  for (const int token : std::span(prompt).subspan(1)) story.add(token);

  // Decode: each token that is chosen is the next one to go in.
  watch.lap();
  std::size_t decoded = 0;
  for (int token = sample(logits); token != stories::Tokenizer::begin; token = sample(logits)) {
    story.add(token);
    if (model.length() == length) break;
    logits = model.forward(std::span(&token, 1));
    ++decoded;
  }
  const double decode = watch.lap();

  std::cerr << "\n\n";
  if (arguments.temperature > 0) std::cerr << "seed    " << seed << "\n";
  report("prefill", prompt.size(), prefill);
  if (decoded > 0) report("decode", decoded, decode);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && (std::string(argv[1]) == "-h" || std::string(argv[1]) == "--help")) {
      std::cout << usage;
      return 0;
    }
    tell(parse(std::span(argv, static_cast<std::size_t>(argc))));
    return 0;
  } catch (const UsageError& error) {
    std::cerr << "stories: " << error.what() << "\n" << usage;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "stories: " << error.what() << "\n";
    return 1;
  }
}
