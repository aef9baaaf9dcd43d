// What attention looked at: a heat map of a layer, what each head does, and which keys a cache could do without.
//
// Attention keeps no matrix of its weights. observe() says what is in it all the same, from the scores computed once
// more, tile by tile: how many keys a row spreads over (e to the entropy), which ones it looks at most, and how much
// each key receives of all queries, its mass. Keys that have received much go on to receive much, so a cache that drops
// the others changes little: heavy hitters (H2O, Zhang et al. 2023, arXiv:2306.14048). Here, half of the old keys are
// dropped, by mass and at random.
//
//     14_what_was_attended [picture.pgm [checkpoint tokenizer]]
//
// With a model of stories/, one layer of it while it tells a story; without, a small layer that is made up. The picture
// has a panel for each head: queries down, keys across, the darker the more.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <random>
#include <rapt/rapt.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "stories/checkpoint.hpp"
#include "stories/inside.hpp"
#include "stories/model.hpp"
#include "stories/tokenizer.hpp"

namespace {

using rapt::Index;
using stories::Matrix;

constexpr Index length = 224, future = 48, recent = 16;  // tokens; the last ones, and those before them that all keep

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// One layer's queries, keys and values, [token, head · dim], turned by their positions, and the tokens' text.
struct Attention {
  Index heads, kv_heads;
  Matrix q, k, v;
  std::vector<std::string> text;

  rapt::View<const float> queries() const { return rapt::view(q, heads); }
  rapt::View<const float> keys() const { return rapt::view(k, kv_heads); }
  rapt::View<const float> values() const { return rapt::view(v, kv_heads); }
};

// ---- a layer of a model ------------------------------------------------------------------------

Attention of_model(const std::string& checkpoint, const std::string& tokenizer_file) {
  const stories::Checkpoint weights = stories::load_checkpoint(checkpoint);
  const stories::Config& c = weights.config;
  if (c.max_length < length) throw std::runtime_error(checkpoint + ": holds too few tokens for this example");
  const stories::Tokenizer tokenizer(tokenizer_file, c.vocab_size);
  stories::Model model(weights);
  const std::vector<int> tokens = stories::write_on(model, tokenizer.encode("Once upon a time"), at(length));
  const std::size_t layer = weights.layers.size() / 2;
  stories::Attended x = stories::attended(weights, model, layer, tokens);
  Attention a{c.heads, c.kv_heads, std::move(x.q), std::move(x.k), std::move(x.v), {}};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    a.text.push_back(i == 0 ? "<begin>" : tokenizer.decode(tokens[i - 1], tokens[i]));
  std::printf("layer %d of %s, on the first %d tokens of a story that it tells\n", int(layer), checkpoint.c_str(),
              int(length));
  return a;
}

// ---- a layer that is made up -------------------------------------------------------------------

/// Noise; but all queries like the first key, one of eight keys is liked by all queries, and what is near looks alike.
Attention made_up() {
  std::printf("NO MODEL WAS GIVEN: a layer that is made up, and shows how it works, not how a model is\n");
  constexpr Index heads = 4, kv_heads = 2, dim = 16;
  std::mt19937 random(1);
  const auto noise = [&] { return static_cast<float>(random()) / 2147483648.0f - 1; };
  Attention a{
      heads, kv_heads, Matrix(length, heads * dim), Matrix(length, kv_heads * dim), Matrix(length, kv_heads * dim), {}};
  for (Matrix* m : {&a.q, &a.k, &a.v}) *m = m->unaryExpr([&](float) { return 1.5f * noise(); });
  for (Index i = 0; i < length; ++i) {
    const float turn = 0.15f * static_cast<float>(i);
    for (Matrix* m : {&a.q, &a.k})
      for (Index head = 0; head < m->cols() / dim; ++head) {
        (*m)(i, head * dim) = 2 * std::cos(turn);
        (*m)(i, head * dim + 1) = 2 * std::sin(turn);
        (*m)(i, head * dim + 2) = m == &a.q ? 4.0f : i == 0 ? 5.0f : i % 8 == 3 ? 2.5f : 0.0f;
      }
    a.text.push_back("#" + std::to_string(i));
  }
  return a;
}

// ---- the picture -------------------------------------------------------------------------------

/// All heads side by side as a portable gray map, which any viewer of pictures shows.
void draw(const Attention& a, const std::string& path) {
  std::vector<float> p(at(a.heads * length * length));
  const auto weights = rapt::bhsd(p.data(), 1, a.heads, length, length);
  rapt::probabilities(a.queries(), a.keys(), weights, rapt::causal());
  constexpr Index gap = 6, zoom = 2, panel = length * zoom;
  const Index columns = std::min<Index>(a.heads, 4), lines = (a.heads + columns - 1) / columns;
  const Index width = columns * (panel + gap) + gap, height = lines * (panel + gap) + gap;
  std::vector<char> sheet(at(width * height), static_cast<char>(150));
  for (Index h = 0; h < a.heads; ++h)
    for (Index y = 0; y < panel; ++y)
      for (Index x = 0; x < panel; ++x) {
        const float dark = std::sqrt(std::min(weights(0, h, y / zoom, x / zoom), 1.0f));
        sheet[at((gap + h / columns * (panel + gap) + y) * width + gap + h % columns * (panel + gap) + x)] =
            static_cast<char>(static_cast<unsigned char>(255 - 255 * dark));
      }
  std::ofstream file(path, std::ios::binary);
  file << "P5\n" << width << ' ' << height << "\n255\n";
  file.write(sheet.data(), static_cast<std::streamsize>(sheet.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
  std::printf("\nas a picture: %s, %d x %d\n", path.c_str(), int(width), int(height));
}

// ---- what heads do -----------------------------------------------------------------------------

std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\n' ? std::string("\\n") : std::string(1, c);
  return all + "'";
}

/// Returns each head's mass of keys, [head, key], by the first `queries` queries.
std::vector<float> look(const Attention& a) {
  constexpr Index top = 4;
  std::vector<float> out(at(length * a.heads * a.values().dim())), lse(at(a.heads * length)), entropy(lse), mass(lse),
      weight(at(a.heads * length * top));
  std::vector<std::int32_t> keys(weight.size());
  const auto top_keys = rapt::bhsd(keys.data(), 1, a.heads, length, top);
  const auto top_weights = rapt::bhsd(weight.data(), 1, a.heads, length, top);
  const auto lses = rapt::lse_bhs(lse.data(), 1, a.heads, length);
  rapt::attention(a.queries(), a.keys(), a.values(), rapt::bshd(out.data(), 1, length, a.heads, a.values().dim()),
                  rapt::causal(), {.lse = lses});
  rapt::observe(a.queries(), a.keys(),
                {.entropy = rapt::bhs(entropy.data(), 1, a.heads, length),
                 .top_keys = top_keys,
                 .top_probabilities = top_weights,
                 .mass = rapt::bhs(mass.data(), 1, a.heads, length),
                 .known_lse = lses},
                rapt::causal());

  std::printf("\nhead   looks at   on <first>   the last tokens look at (the weight, in percent)\n");
  for (Index h = 0; h < a.heads; ++h) {
    double nats = 0;
    for (Index i = 0; i < length; ++i) nats += entropy[at(h * length + i)];
    std::printf("%4d   %4.0f keys   %8.1f%%  ", int(h), std::exp(nats / double(length)),
                100 * double(mass[at(h * length)]) / double(length));
    for (Index i = length - 2; i < length; ++i) {
      std::printf(" %s:", quoted(a.text[at(i)]).c_str());
      for (Index n = 0; n < top; ++n)
        std::printf(" %s %.0f", quoted(a.text[at(top_keys(0, h, i, n))]).c_str(),
                    100 * double(top_weights(0, h, i, n)));
      std::printf(";");
    }
    std::printf("\n");
  }
  return mass;
}

// ---- eviction ----------------------------------------------------------------------------------

/// What the last queries get if a head's cache still has only some of the keys: [key/value head, key].
std::vector<float> attend_to_kept(const Attention& a, const std::vector<char>& kept) {
  const Index dim = a.values().dim(), group = a.heads / a.kv_heads;
  rapt::View<const float> q = a.queries();
  q.data += (length - future) * q.stride[2];
  q.extent[2] = future;
  std::vector<float> out(at(future * a.heads * dim));
  const char* const keeps = kept.data();
  rapt::attention(
      q, a.keys(), a.values(), rapt::bshd(out.data(), 1, future, a.heads, dim),
      rapt::causal() | [=](rapt::Coord c) { return keeps[c.head / group * length + c.key] != 0; });
  return out;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) apart += std::pow(a[i] - b[i], 2), size += std::pow(b[i], 2);
  return std::sqrt(apart / size);
}

/// Of each head's old keys, the half that come first in an order; the recent ones stay, and so do those to come.
template <class Order> std::vector<char> keep_half(const Attention& a, Order order) {
  constexpr Index old = length - future - recent;
  std::vector<char> kept(at(a.kv_heads * length), 1);
  for (Index h = 0; h < a.kv_heads; ++h) {
    std::vector<Index> keys(at(old));
    std::iota(keys.begin(), keys.end(), Index(0));
    order(h, keys);
    for (Index n = old / 2; n < old; ++n) kept[at(h * length + keys[at(n)])] = 0;
  }
  return kept;
}

/// Returns whether the heaviest keys did better than random ones.
bool evict(const Attention& a) {
  // The mass as it was before the last queries came: by the queries and keys up to there.
  constexpr Index past = length - future;
  std::vector<float> mass(at(a.heads * past));
  rapt::View<const float> q = a.queries(), k = a.keys();
  q.extent[2] = k.extent[2] = past;
  rapt::observe(q, k, {.mass = rapt::bhs(mass.data(), 1, a.heads, past)}, rapt::causal());
  const Index group = a.heads / a.kv_heads;
  const auto received = [&](Index kv_head, Index key) {  // by all query heads that read it
    double sum = 0;
    for (Index h = kv_head * group; h < (kv_head + 1) * group; ++h) sum += mass[at(h * past + key)];
    return sum;
  };

  const std::vector<float> all = attend_to_kept(a, std::vector<char>(at(a.kv_heads * length), 1));
  const double heavy = distance(
      attend_to_kept(a, keep_half(a,
                                  [&](Index h, std::vector<Index>& keys) {
                                    std::sort(keys.begin(), keys.end(),
                                              [&](Index x, Index y) { return received(h, x) > received(h, y); });
                                  })),
      all);
  double at_random = 0;
  constexpr int tries = 20;
  std::mt19937 random(2);
  for (int i = 0; i < tries; ++i)
    at_random += distance(attend_to_kept(a, keep_half(a,
                                                      [&](Index, std::vector<Index>& keys) {
                                                        std::shuffle(keys.begin(), keys.end(), random);
                                                      })),
                          all) /
                 tries;
  std::printf("\nthe last %d tokens, if of the %d keys before the %d most recent ones half are dropped:\n", int(future),
              int(past - recent), int(recent));
  std::printf("    the heaviest are kept    their outputs move by %5.1f%%\n", 100 * heavy);
  std::printf("    random ones are kept     their outputs move by %5.1f%%  (mean of %d draws)\n", 100 * at_random,
              tries);
  return heavy < at_random;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 || argc > 4)
      throw std::runtime_error("usage: 14_what_was_attended [picture.pgm [checkpoint tokenizer]]");
    const Attention a = argc == 4 ? of_model(argv[2], argv[3]) : made_up();
    const std::vector<float> mass = look(a);
    const double all = std::accumulate(mass.begin(), mass.end(), 0.0), rows = double(a.heads * length);
    std::printf("\nall mass together: %.3f, as there are %.0f rows\n", all, rows);
    const bool better = evict(a);
    draw(a, argc > 1 ? argv[1] : "attended.pgm");
    return better && std::abs(all - rows) < 1e-3 * rows ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
