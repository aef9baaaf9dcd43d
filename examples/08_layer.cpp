// A layer: the attention of Llama 3 8B, at its full size, from hidden states to hidden states. What a model does 32
// times for each token, with a feed-forward network after each.
//
// Everything of the tour comes together in it: projections to queries, keys and values, grouped heads, the rotary
// embedding, the cache, causal attention, and the projection back. The weights here are noise, but as many as the real
// ones, 42 million. Watch where the time goes: a prompt is arithmetic, and a token is reading: every weight of the
// layer, for one row. And the outputs have the same bits, however the sequence is cut and whoever computes it.

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <rapt/rapt.hpp>
#include <string>
#include <thread>
#include <unsupported/Eigen/CXX11/ThreadPool>
#include <vector>

namespace {

using rapt::Index;

constexpr Index prompt = 512, steps = 64, length = prompt + steps;

const rapt::LayerConfig config = [] {
  rapt::LayerConfig c = rapt::presets::llama3_8b();
  c.max_positions = length;  // a smaller rotary table than the model's 8192 positions
  return c;
}();

/// Noise of about the size that weights have: uniform, of this standard deviation.
std::vector<float> noise(Index count, double deviation, std::uint32_t seed) {
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(deviation * (double(seed >> 8) / (1 << 23) - 1) * 1.7320508);
  }
  return numbers;
}

struct Weights {
  static constexpr double deviation = 1.0 / 64;  // 1/sqrt(4096): outputs are of the size of inputs
  std::vector<float> q = noise(config.q_size() * config.hidden_size, deviation, 1);
  std::vector<float> k = noise(config.k_size() * config.hidden_size, deviation, 2);
  std::vector<float> v = noise(config.num_kv_heads * config.head_dim * config.hidden_size, deviation, 3);
  std::vector<float> o = noise(config.hidden_size * config.q_size(), deviation, 4);

  rapt::LayerWeights<float> views() const {
    return {.q = rapt::row_major(q.data(), config.q_size(), config.hidden_size),
            .k = rapt::row_major(k.data(), config.k_size(), config.hidden_size),
            .v = rapt::row_major(v.data(), config.k_size(), config.hidden_size),
            .o = rapt::row_major(o.data(), config.hidden_size, config.q_size())};
  }
};

/// Hidden states of the whole sequence.
struct States {
  std::vector<float> numbers;
  /// Positions [first, last).
  rapt::View<float> some(Index first, Index last) {
    return rapt::bsd(numbers.data() + first * config.hidden_size, 1, last - first, config.hidden_size);
  }
};

using Layer = rapt::AttentionLayer<float>;
using Cache = rapt::KvCache<Eigen::bfloat16>;

double seconds_of(const auto& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void progress(const std::string& what) {
  std::fprintf(stderr, "… %s\n", what.c_str());
  std::fflush(stderr);
}

// ---- the same bits --------------------------------------------------------------------------

/// Positions [0, first) go in in chunks, the others token by token.
void run(const Layer& layer, Cache& cache, States& x, States& y, Index first, Index chunk,
         const rapt::LayerOptions& options) {
  for (Index i = 0; i < length;) {
    const Index next = i < first ? std::min(i + chunk, first) : i + 1;
    layer.forward(x.some(i, next), y.some(i, next), cache, options);
    i = next;
  }
}

void same_bits(const Layer& layer, States& x, rapt::Executor* executor) {
  rapt::Workspace workspace;
  States at_once{std::vector<float>(x.numbers.size())};
  progress("all at once");
  Cache cache(layer.cache_shape(1, length));
  run(layer, cache, x, at_once, length, length, {.workspace = &workspace});

  std::printf("\n%d tokens, against all of them at once:\n\n", int(length));
  const auto compare = [&](const char* how, Index first, Index chunk, const rapt::LayerOptions& options) {
    progress(how);
    Cache own(layer.cache_shape(1, length));
    States y{std::vector<float>(x.numbers.size())};
    run(layer, own, x, y, first, chunk, options);
    const bool same = std::memcmp(y.numbers.data(), at_once.numbers.data(), y.numbers.size() * sizeof(float)) == 0;
    std::printf("  %-48s %s\n", how, same ? "the same bits" : "DIFFERENT");
  };
  compare("a prompt of 512, then token by token", prompt, prompt, {.workspace = &workspace});
  compare("the prompt in chunks of 100, then token by token", prompt, 100, {.workspace = &workspace});
  compare("all at once, on all cores", length, length, {.executor = executor, .workspace = &workspace});
}

// ---- where the time goes ----------------------------------------------------------------------

/// A layer's steps, one by one: what forward() does.
struct Steps {
  double project = 0, append = 0, attend = 0, project_back = 0;
  double sum() const { return project + append + attend + project_back; }
};

class ByHand {
 public:
  ByHand(const Weights& w, const Layer& layer)
      : qkv_({w.views().q, w.views().k, w.views().v}), o_(w.views().o), angles_(layer.angles()) {}

  /// Adds to `spent` what each step takes for the next n tokens.
  void forward(const rapt::View<float>& x, const rapt::View<float>& y, Cache& cache, rapt::Executor* executor,
               Steps& spent) {
    const Index n = x.length(), q_size = config.q_size(), k_size = config.k_size();
    for (auto* rows : {&q_, &out_}) rows->resize(static_cast<std::size_t>(n * q_size));
    for (auto* rows : {&k_, &v_}) rows->resize(static_cast<std::size_t>(n * k_size));
    const auto rows = [n](std::vector<float>& memory, Index size) { return rapt::row_major(memory.data(), n, size); };
    const auto heads = [n](std::vector<float>& memory, Index count) {
      return rapt::bshd(memory.data(), 1, n, count, config.head_dim);
    };
    const rapt::LinearOptions options{.executor = executor, .workspace = &workspace_};
    spent.project += seconds_of([&] {
      qkv_(rapt::row_major(x.data, n, x.dim()), {rows(q_, q_size), rows(k_, k_size), rows(v_, k_size)}, options);
    });
    spent.append += seconds_of(
        [&] { cache.append(heads(k_, config.num_kv_heads), heads(v_, config.num_kv_heads), {.rope = angles_.get()}); });
    spent.attend += seconds_of([&] {
      rapt::attention(heads(q_, config.num_heads), cache, heads(out_, config.num_heads), rapt::causal(),
                      {.executor = executor, .rope = angles_.get(), .workspace = &workspace_});
    });
    spent.project_back += seconds_of([&] { o_(rows(out_, q_size), rapt::row_major(y.data, n, y.dim()), options); });
  }

 private:
  rapt::Linear<float> qkv_, o_;
  Layer::Angles angles_;
  std::vector<float> q_, k_, v_, out_;
  rapt::Workspace workspace_;
};

void print(const char* what, const Steps& s, double tokens, double megabytes) {
  const double ms = 1e3 / tokens;
  std::printf("  %-26s %8.3f %8.3f %8.3f %8.3f %9.3f ms a token, %6.0f tokens/s", what, s.project * ms, s.append * ms,
              s.attend * ms, s.project_back * ms, s.sum() * ms, tokens / s.sum());
  if (megabytes > 0) std::printf(", weights at %.1f GB/s", megabytes / 1e3 * tokens / (s.project + s.project_back));
  std::printf("\n");
}

void where_time_goes(const Weights& w, const Layer& layer, States& x, rapt::Executor* all_cores) {
  ByHand by_hand(w, layer);
  std::printf("\n%-28s %8s %8s %8s %8s\n", "", "q, k, v", "append", "attend", "out");
  for (rapt::Executor* executor : {static_cast<rapt::Executor*>(nullptr), all_cores}) {
    const int cores = executor == nullptr ? 1 : executor->workers();
    const std::string on = ", " + std::to_string(cores) + (cores == 1 ? " core" : " cores");
    progress("a prompt of 512, step by step" + on);
    Cache cache(layer.cache_shape(1, length));
    States y{std::vector<float>(x.numbers.size())};
    Steps prefill, decode, warm;
    by_hand.forward(x.some(0, prompt), y.some(0, prompt), cache, executor, warm);
    cache.truncate(0, 0);
    by_hand.forward(x.some(0, prompt), y.some(0, prompt), cache, executor, prefill);
    progress("64 tokens, step by step" + on);
    for (Index i = prompt; i < length; ++i)
      by_hand.forward(x.some(i, i + 1), y.some(i, i + 1), cache, executor, decode);
    print(("prompt of 512" + on).c_str(), prefill, prompt, 0);
    print(("one token" + on).c_str(), decode, steps, double(layer.bytes()) / 1e6);
  }
}

}  // namespace

int main() {
  progress("making weights");
  const Weights weights;
  progress("packing them");
  const Layer layer(config, weights.views());
  std::printf(
      "Llama 3 8B: hidden_size %d, %d query and %d key/value heads of %d, %.0f MB of weights in float, cache in "
      "bfloat16, %s\n",
      int(config.hidden_size), int(config.num_heads), int(config.num_kv_heads), int(config.head_dim),
      double(layer.bytes()) / 1e6, std::string(rapt::name(rapt::active_isa())).c_str());

  const int cores = std::max(1, int(std::thread::hardware_concurrency()));
  Eigen::ThreadPool pool(std::max(1, cores - 1));
  rapt::EigenExecutor executor(pool);
  States x{noise(length * config.hidden_size, 1, 5)};
  same_bits(layer, x, &executor);
  where_time_goes(weights, layer, x, &executor);
}
