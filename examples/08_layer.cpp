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
#include <vector>

#if __has_include(<Eigen/ThreadPool>)  // since Eigen 5
#include <Eigen/ThreadPool>
#else
#include <unsupported/Eigen/CXX11/ThreadPool>
#endif

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

/// A layer's steps, one by one: what forward() does. Seconds.
struct Steps {
  double project = 0, append = 0, attend = 0, project_back = 0;
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

void print(const std::string& what, const Steps& s, double whole, double tokens) {
  const double ms = 1e3 / tokens;
  std::printf("  %-24s %8.3f %8.3f %8.3f %8.3f %10.3f %11.0f", what.c_str(), s.project * ms, s.append * ms,
              s.attend * ms, s.project_back * ms, whole * ms, tokens / whole);
}

/// Positions [first, last), n at a time: step by step, and by the layer's forward(), each with a cache of its own that
/// holds the positions before.
void where_time_goes(ByHand& by_hand, const Layer& layer, States& x, rapt::Executor* executor) {
  const int cores = executor == nullptr ? 1 : executor->workers();
  const std::string on = ", " + std::to_string(cores) + (cores == 1 ? " core" : " cores");
  Cache cache(layer.cache_shape(1, length)), own(layer.cache_shape(1, length));
  States y{std::vector<float>(x.numbers.size())};
  rapt::Workspace workspace;
  const auto both = [&](Index first, Index last, Index n, Steps& spent) {
    double whole = 0;
    for (Index i = first; i < last; i += n) {
      by_hand.forward(x.some(i, i + n), y.some(i, i + n), cache, executor, spent);
      whole += seconds_of([&] {
        layer.forward(x.some(i, i + n), y.some(i, i + n), own, {.executor = executor, .workspace = &workspace});
      });
    }
    return whole;
  };

  progress("a prompt of 512" + on);
  Steps warm, prefill, decode;
  both(0, prompt, prompt, warm);
  cache.truncate(0, 0);
  own.truncate(0, 0);
  const double prefill_whole = both(0, prompt, prompt, prefill);
  print("prompt of 512" + on, prefill, prefill_whole, prompt);
  const double flop = 2.0 * double(config.hidden_size) * double(2 * config.q_size() + 2 * config.k_size());
  std::printf("   projections at %.0f GFLOP/s\n",
              flop * double(prompt) / (prefill.project + prefill.project_back) / 1e9);

  progress("64 tokens" + on);
  const double decode_whole = both(prompt, length, 1, decode);
  print("one token" + on, decode, decode_whole, steps);
  std::printf("   weights read at %.0f GB/s\n",
              double(layer.bytes()) * double(steps) / (decode.project + decode.project_back) / 1e9);
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

  ByHand by_hand(weights, layer);
  std::printf("\nMilliseconds a token, in each step and in forward(), and tokens a second:\n\n");
  std::printf("  %-24s %8s %8s %8s %8s %10s %11s\n", "", "q, k, v", "append", "attend", "out", "forward()", "tokens/s");
  where_time_goes(by_hand, layer, x, nullptr);
  where_time_goes(by_hand, layer, x, &executor);
}
