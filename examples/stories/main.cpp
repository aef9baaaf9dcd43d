// A small language model that tells stories: rapt at work in a whole Llama.
//
//     stories checkpoint.bin tokenizer.bin -i "Once upon a time"
//
// The prompt goes through the model at once (prefill), then the model writes a token at a time (decode), each from all
// before it. Only the new tokens' queries, keys and values are computed: the others' stand in the cache. The text is on
// the standard output and nothing else, the speed is on the standard error.
//
// With several prompts, -i ... -i ..., all stories are told at the same time: a step of decoding reads the weights once
// for all of them. Each is what it would be alone.
//
// With --cache q8_0, keys and values are kept as codes of 8 bits; there are other types. A story may take another turn
// then, but the same one each time.
//
// file, checkpoint, tokenizer: reading; cache, model: the Llama; inside: a look into it; sampler: choosing; main: from
// one token to the next.

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
#include <utility>
#include <vector>

#include "checkpoint.hpp"
#include "model.hpp"
#include "sampler.hpp"
#include "tokenizer.hpp"

namespace {

const std::string usage =
    "usage: stories <checkpoint> <tokenizer> [options]\n"
    "  -i <prompt>       the story's beginning; none by default. Several -i: several stories, told side by side\n"
    "  -n <tokens>       how many tokens a text has at most, the prompt's too; 256 by default, 0: all that fit\n"
    "  -t <temperature>  0, the default: always the likeliest token; 1: as the model weighs them\n"
    "  -p <top-p>        draw only from the likeliest tokens that have this probability together; 0.9 by default\n"
    "  -s <seed>         for the draws of each story, 1 or more; from the clock by default\n"
    "  -c <tokens>       how many tokens of a prompt go through the model at once; all by default\n"
    "  --cache <type>    what keys and values are kept as; float by default. There are\n"
    "                    " +
    stories::all_cache_types() + "\n";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Arguments {
  std::string checkpoint, tokenizer;
  std::vector<std::string> prompts;
  int tokens = 256;
  float temperature = 0, top_p = 0.9f;
  std::optional<std::uint64_t> seed;
  int chunk = 0;
  std::string cache{stories::cache_types[0]};
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

std::string cache_type(const std::string& option, const char* type) {
  if (!stories::is_cache_type(type))
    throw UsageError(option + " is '" + type + "'; it has to be one of " + stories::all_cache_types());
  return type;
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
    if (word != "--cache" && (word.size() != 2 || std::string("intpsc").find(word[1]) == std::string::npos))
      throw UsageError("there is no option " + word);
    if (++i == words.size()) throw UsageError(word + " needs a value");
    const char* value = words[i];
    switch (word[1]) {
      case 'i': arguments.prompts.push_back(value); break;
      case 'n': arguments.tokens = static_cast<int>(number(word, value, 0, many, true)); break;
      case 't': arguments.temperature = static_cast<float>(number(word, value, 0, 1000, false)); break;
      case 'p': arguments.top_p = static_cast<float>(number(word, value, 0, 1, false)); break;
      case '-': arguments.cache = cache_type(word, value); break;
      case 's': arguments.seed = static_cast<std::uint64_t>(number(word, value, 1, precise, true)); break;
      default: arguments.chunk = static_cast<int>(number(word, value, 1, many, true)); break;
    }
  }
  if (files.size() != 2)
    throw UsageError("two files are needed, a checkpoint and a tokenizer; given: " + std::to_string(files.size()));
  arguments.checkpoint = files[0];
  arguments.tokenizer = files[1];
  if (arguments.prompts.empty()) arguments.prompts.emplace_back();
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

/// A text as it grows: its prompt, then what the model writes.
class Story {
 public:
  Story(const stories::Tokenizer& tokenizer, const std::string& prompt, const stories::Sampler& sampler)
      : tokenizer_(tokenizer), sample_(sampler), prompt_(tokenizer.encode(prompt)) {
    for (const int token : std::span(prompt_).subspan(1)) add(token);
  }

  const std::vector<int>& prompt() const { return prompt_; }

  /// Goes on by the token that is chosen by these scores, and returns it. One that ends the text adds nothing to it.
  int write(const stories::Row& scores) {
    const int token = sample_(scores);
    if (token != stories::Tokenizer::begin) add(token);
    return token;
  }

  void end() { ended_ = true; }
  bool ended() const { return ended_; }
  /// What has been added since the last time.
  std::string unread() { return std::exchange(unread_, {}); }

 private:
  void add(int token) {
    const std::string piece = tokenizer_.decode(previous_, token);
    // Control characters are left out, as a terminal would obey them.
    if (piece.size() != 1 || !is_control(static_cast<unsigned char>(piece[0]))) unread_ += piece;
    previous_ = token;
  }
  static bool is_control(unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7F; }

  const stories::Tokenizer& tokenizer_;
  stories::Sampler sample_;
  std::vector<int> prompt_;
  std::string unread_;
  int previous_ = stories::Tokenizer::begin;
  bool ended_ = false;
};

/// Shows stories that are told at the same time one after the other: the first that hasn't ended as it grows, those
/// after it once it is their turn.
class Page {
 public:
  explicit Page(std::vector<Story>& stories) : stories_(stories) {}

  void show() {
    while (now_ < stories_.size()) {
      std::cout << stories_[now_].unread() << std::flush;
      if (!stories_[now_].ended()) return;
      if (++now_ < stories_.size()) std::cout << "\n\n* * *\n\n";
    }
  }

 private:
  std::vector<Story>& stories_;
  std::size_t now_ = 0;
};

void report(const char* phase, std::size_t tokens, double seconds) {
  std::cerr << std::left << std::setw(8) << phase << std::right << std::setw(5) << tokens << " tokens in " << std::fixed
            << std::setprecision(3) << seconds << " s: " << std::setprecision(0) << double(tokens) / seconds
            << " tokens per second\n";
}

/// How many tokens a text may have. Throws unless the model can hold that many, and the prompts have no more.
int length_of_texts(const Arguments& arguments, const stories::Config& config, const std::vector<Story>& stories) {
  const int length = arguments.tokens == 0 ? config.max_length : arguments.tokens;
  if (length > config.max_length)
    throw std::runtime_error("-n is " + std::to_string(length) + "; this model holds " +
                             std::to_string(config.max_length) + " tokens");
  for (std::size_t i = 0; i < stories.size(); ++i)
    if (const std::size_t tokens = stories[i].prompt().size(); tokens > static_cast<std::size_t>(length))
      throw std::runtime_error((stories.size() == 1 ? "the prompt" : "prompt " + std::to_string(i + 1)) + " has " +
                               std::to_string(tokens) + " tokens; -n allows " + std::to_string(length));
  return length;
}

void tell(const Arguments& arguments) {
  stories::Model model(stories::load_checkpoint(arguments.checkpoint), arguments.prompts.size(), arguments.cache);
  const stories::Tokenizer tokenizer(arguments.tokenizer, model.config().vocab_size);

  // Each story has draws of its own, from the same seed: alone, it would have the same.
  const std::uint64_t clock =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) % 1000000;
  const std::uint64_t seed = arguments.seed.value_or(clock + 1);
  const stories::Sampler sampler(arguments.temperature, arguments.top_p, seed);
  std::vector<Story> stories;
  for (const std::string& prompt : arguments.prompts) stories.emplace_back(tokenizer, prompt, sampler);
  const int length = length_of_texts(arguments, model.config(), stories);

  // Prefill: each prompt into a sequence of its own, whole or a chunk at a time. The scores of its last token choose
  // the first one of the answer.
  Watch watch;
  std::size_t prefilled = 0;
  stories::Matrix scores(static_cast<Eigen::Index>(stories.size()), model.config().vocab_size);
  for (std::size_t s = 0; s < stories.size(); ++s) {
    std::span<const int> rest(stories[s].prompt());
    prefilled += rest.size();
    while (!rest.empty()) {
      const std::size_t chunk = arguments.chunk == 0 ? rest.size() : static_cast<std::size_t>(arguments.chunk);
      const std::span<const int> now = rest.first(std::min(chunk, rest.size()));
      scores.row(static_cast<Eigen::Index>(s)) = model.prefill(s, now);
      rest = rest.subspan(now.size());
    }
  }
  const double prefill = watch.lap();

  // Decode: each token that is chosen is the next one to go in, those of all stories in one step.
  std::size_t decoded = 0;
  Page page(stories);
  std::vector<Story*> batch;  // sequence s of the model tells batch[s]
  for (Story& story : stories) batch.push_back(&story);
  for (;;) {
    std::vector<int> tokens;
    std::vector<std::size_t> going_on;
    for (std::size_t s = 0; s < batch.size(); ++s) {
      const int token = batch[s]->write(scores.row(static_cast<Eigen::Index>(s)));
      if (token == stories::Tokenizer::begin || model.length(s) == length) {
        batch[s]->end();
      } else {
        tokens.push_back(token);
        going_on.push_back(s);
      }
    }
    page.show();
    if (going_on.empty()) break;
    if (going_on.size() < batch.size()) {  // a story that has ended leaves the batch
      model.keep(going_on);
      std::erase_if(batch, [](const Story* story) { return story->ended(); });
    }
    scores = model.decode(tokens);
    decoded += tokens.size();
  }
  const double decode = watch.lap();

  std::cerr << "\n\n";
  if (arguments.temperature > 0) std::cerr << "seed    " << seed << "\n";
  if (stories.size() > 1) std::cerr << "stories " << std::setw(5) << stories.size() << ", all together:\n";
  report("prefill", prefilled, prefill);
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
