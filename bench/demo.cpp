// The demonstration: what rapt does on this machine with the attention of well-known models, next to what people write
// by hand.
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exact.hpp"
#include "inputs.hpp"
#include "limit.hpp"
#include "naive_eigen.hpp"
#include "progress.hpp"
#include "rapt/rapt.hpp"
#include "shapes.hpp"
#include "threads.hpp"

namespace bench {
namespace {

constexpr int width = 100;
constexpr double patience = 20;  // seconds that a single run may take, going by how fast the code was before
constexpr Index checked_rows = 32;
constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;

struct Row {
  const char* model;
  std::string about;
  Shape shape;
  bool naive = true;
};

std::vector<Row> rows(bool quick) {
  const Index part = quick ? 8 : 1;
  const auto tokens = [](Index n) { return std::to_string(n) + " tokens"; };
  const Index bert = 512 / part, llama = 2048 / part, mistral = 8192 / part, gemma = 2048 / part, book = 65'536 / part;
  Shape window = shape::mistral_7b_group(mistral);
  if (quick) window.mask = shape::sliding(4096 / part);
  return {
      {"BERT-base", "12 heads of 64, " + tokens(bert) + ", each attends to all", shape::bert_base(bert)},
      {"Llama 3 8B", "32 heads of 128 on 8 key/value heads, " + tokens(llama) + ", causal", shape::llama3_8b(llama)},
      {"Mistral 7B",
       "4 of its 32 heads of 128, " + tokens(mistral) + ", causal, window of " + std::to_string(window.mask.left + 1),
       window},
      {"Gemma style", "8 heads of 256 on 4 key/value heads, " + tokens(gemma) + ", causal", shape::gemma(gemma)},
      {"Long context", "1 head of 128, " + tokens(book) + ", causal", shape::one_head(book), false},
  };
}

/// What one code made of one row.
struct Result {
  double seconds, gflops, fraction, error;
};

/// Runs again and again for half a second, at least three times unless one run is long; medians.
Result measure(const Limit<float>& limit, const Shape& shape, const std::function<void()>& work) {
  const double deadline = now() + 0.5;
  std::vector<double> times, fractions;
  while (times.empty() || (now() < deadline && times.size() < 15) || (times.size() < 3 && times[0] < 0.5)) {
    const Run run = limit.around(work);
    times.push_back(run.seconds);
    fractions.push_back(run.fraction(operations(shape)));
  }
  const double time = median(times);
  return {time, operations(shape) / time / 1e9, median(fractions), 0};
}

/// How fast a code was on all the scores, to tell how long it will take the next time. 0: not known yet.
class Pace {
 public:
  bool bearable(double operations) const { return rate_ == 0 || operations / rate_ < patience; }
  double expected(double operations) const { return operations / rate_; }
  void learn(double operations, double seconds) { rate_ = operations / seconds; }

 private:
  double rate_ = 0;
};

std::string duration(double seconds) {
  char text[32];
  if (seconds < 0.1)
    std::snprintf(text, sizeof text, "%.2f ms", seconds * 1e3);
  else if (seconds < 1)
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1e3);
  else
    std::snprintf(text, sizeof text, "%.2f s ", seconds);
  return text;
}

void rule(char c) { std::puts(std::string(width, c).c_str()); }

class Demo {
 public:
  explicit Demo(bool quick) : rows_(rows(quick)), all_(cores()) {
    threads_.emplace_back(1);
    if (all_ > 1) threads_.emplace_back(all_);
    for (const Threads& t : threads_) limits_.emplace_back(isa_, t.executor());
    naive_pace_.resize(threads_.size());
    rapt_pace_.resize(threads_.size());
  }

  void run() {
    print_head();
    for (const Row& row : rows_) run_row(row);
    print_foot();
  }

 private:
  void print_head() {
    std::printf("rapt %d.%d.%d: attention on this CPU\n\n", RAPT_VERSION_MAJOR, RAPT_VERSION_MINOR, RAPT_VERSION_PATCH);
    std::printf("Instruction sets   %s; running %s (RAPT_ISA=name takes another)\n",
                rapt::detail::supported_names().c_str(), std::string(name(isa_)).c_str());
    std::printf("Arithmetic limit   %.1f GFLOP/s on one core", limits_[0].sample() / 1e9);
    if (threads_.size() > 1) std::printf(", %.1f on all %d", limits_[1].sample() / 1e9, all_);
    std::printf(": float multiply-adds, measured now\n\n");
    std::printf("%-16s %8s %14s %12s %12s %10s %16s\n", "model and code", "threads", "time", "GFLOP/s", "of limit",
                "speed-up", "largest error");
    rule('=');
    std::fflush(stdout);
  }

  void run_row(const Row& row) {
    std::printf("%s: %s\n", row.model, row.about.c_str());
    std::fflush(stdout);
    progress_.say(std::string(row.model) + ": making the input, and the true result in double for some rows");
    const Inputs<float> in(row.shape);
    const Exact exact(row.shape, in, checked_rows);
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      const std::optional<Result> naive = row.naive ? run_naive(row, in, exact, t) : std::nullopt;
      const std::optional<Result> ours = run_rapt(row, in, exact, t);
      if (row.naive) print("  naive Eigen", t, naive, std::nullopt, naive_pace_[t].expected(everything(row.shape)));
      print("  rapt", t, ours, naive, rapt_pace_[t].expected(operations(row.shape)));
    }
    if (!row.naive)
      std::printf("  naive Eigen is left out: its scores would take %.1f GiB (rapt works in %.1f MiB)\n",
                  score_bytes<float>(row.shape) / gibibyte, workspace_ / 1024 / 1024);
    rule('-');
    std::fflush(stdout);
  }

  void announce(const Row& row, const char* code, std::size_t t) {
    progress_.say(std::string(row.model) + ": " + code + ", " + std::to_string(threads_[t].count()) +
                  (threads_[t].count() == 1 ? " thread" : " threads"));
  }

  /// The work of one who computes every score and then masks it.
  static double everything(const Shape& shape) {
    Shape all = shape;
    all.mask = {};
    return operations(all);
  }

  std::optional<Result> run_naive(const Row& row, const Inputs<float>& in, const Exact& exact, std::size_t t) {
    if (!naive_pace_[t].bearable(everything(row.shape))) return std::nullopt;
    announce(row, "naive Eigen", t);
    Result result = measure(limits_[t], row.shape, [&] { naive_attention(row.shape, in, threads_[t].executor()); });
    result.error = exact.error(in.out);
    naive_pace_[t].learn(everything(row.shape), result.seconds);
    return result;
  }

  std::optional<Result> run_rapt(const Row& row, const Inputs<float>& in, const Exact& exact, std::size_t t) {
    if (!rapt_pace_[t].bearable(operations(row.shape))) return std::nullopt;
    announce(row, "rapt", t);
    return with_mask(row.shape, [&](auto mask) {
      auto plan = rapt::plan(in.q, in.k, in.v, in.out, mask, {.executor = threads_[t].executor()});
      workspace_ = static_cast<double>(plan.workspace_bytes());
      Result result = measure(limits_[t], row.shape, [&] { plan.run(); });
      result.error = exact.error(in.out);
      rapt_pace_[t].learn(operations(row.shape), result.seconds);
      return std::optional(result);
    });
  }

  void print(const char* code, std::size_t t, const std::optional<Result>& r, const std::optional<Result>& naive,
             double expected) {
    progress_.clear();
    std::printf("%-16s %8d ", code, threads_[t].count());
    if (!r) {
      std::printf("  left out: it would take some %ld seconds\n", std::lround(expected));
      return;
    }
    std::printf("%14s %12.1f %11.1f%% ", duration(r->seconds).c_str(), r->gflops, r->fraction * 100);
    if (naive)
      std::printf("%9.1fx ", naive->seconds / r->seconds);
    else
      std::printf("%10s ", "");
    std::printf("%16.1e\n", r->error);
    std::fflush(stdout);
  }

  void print_foot() {
    progress_.clear();
    std::printf(
        "Input: random numbers with mean 0 and variance 1. Time: the median run. GFLOP/s: 4 operations for\n"
        "each dim of a head and each pair of a query and a key that it attends to. Limit: multiply-adds\n"
        "alone, measured before and after each run with as many threads. Speed-up: over the naive code with\n"
        "as many threads, which is compiled alike, with no flag that names a CPU. Error: the largest distance\n"
        "from the textbook's formula in double, on %d rows spread over heads and positions. Mistral 7B: one\n"
        "of its 8 groups of heads, as all would take the naive code too long.\n\n",
        static_cast<int>(checked_rows));
    std::printf(
        "How to read it: at 100%% of the limit a CPU can do no more. The naive code computes masked scores\n"
        "too, sends all scores through memory, and makes do with what every CPU of its kind can do.\n");
  }

  const rapt::Isa isa_ = rapt::active_isa();  // throws if RAPT_ISA is wrong
  const std::vector<Row> rows_;
  const int all_;
  std::vector<Threads> threads_;
  std::vector<Limit<float>> limits_;
  std::vector<Pace> naive_pace_, rapt_pace_;
  double workspace_ = 0;
  Progress progress_;
};

constexpr const char* help =
    "rapt_demo: what rapt does on this machine with the attention of well-known models.\n"
    "\n"
    "  rapt_demo            about a minute\n"
    "  rapt_demo --quick    an eighth of the lengths: a few seconds, to see that it works\n"
    "  rapt_demo --help     this\n"
    "\n"
    "The environment variable RAPT_ISA picks an instruction set: generic, avx2, avx512 or neon.\n";

int run(const std::vector<std::string_view>& arguments) {
  bool quick = false;
  for (std::string_view argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      std::fputs(help, stdout);
      return 0;
    }
    if (argument != "--quick") {
      std::fprintf(stderr, "rapt_demo: unknown argument '%s'\n\n%s", std::string(argument).c_str(), help);
      return 2;
    }
    quick = true;
  }
  Demo(quick).run();
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
