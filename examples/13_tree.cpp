// Speculative decoding over a tree: guesses of the next tokens, all checked in one call.
//
// Decoding one token costs nearly as much as decoding twenty, as it reads the same keys and values. So something cheap
// proposes how the text might go on: two guesses for the next token, two after each of these, and so on. They go into
// the cache as a tree, one call has them attend to what each would see if it were the text, ancestors(), and the model
// tells at every node what it would have said there. As long as it says what a child holds, that child is the text.
// What is said is what the model would have said one token at a time; only sooner.

#include <cmath>
#include <cstdio>
#include <random>
#include <rapt/rapt.hpp>
#include <vector>

namespace {

using rapt::Index;
using Token = std::int32_t;

constexpr Index q_heads = 4, kv_heads = 2, head_dim = 32, words = 40, longest = 600;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// A model of one layer, out of noise: a token has a query, a key and a value; what comes after it is what its output,
/// and a habit of its own, fit best.
class Model {
 public:
  Model() : q_(noise(words * q_heads)), k_(noise(words * kv_heads)), v_(noise(words * kv_heads)) {
    said_ = noise(words * q_heads), habit_ = noise(words * q_heads);
  }

  /// Rows of tokens, as a projection would make them: [position, head, dim].
  std::vector<float> queries(const std::vector<Token>& t) const { return rows(q_, t, q_heads); }
  std::vector<float> keys(const std::vector<Token>& t) const { return rows(k_, t, kv_heads); }
  std::vector<float> values(const std::vector<Token>& t) const { return rows(v_, t, kv_heads); }

  /// The token after `token`, whose attention came to `out`.
  Token next(Token token, const float* out) const {
    Token best = 0;
    float most = -INFINITY;
    for (Token candidate = 0; candidate < words; ++candidate) {
      float fit = 0;
      for (Index d = 0; d < width; ++d)
        fit += said_[at(candidate * width + d)] * (1.5f * out[d] + habit_[at(token * width + d)]);
      if (fit > most) most = fit, best = candidate;
    }
    return best;
  }

  static constexpr Index width = q_heads * head_dim;

 private:
  static std::vector<float> noise(Index rows) {
    static std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::vector<float> numbers(at(rows * head_dim));
    for (float& x : numbers) x = normal(random);
    return numbers;
  }
  static std::vector<float> rows(const std::vector<float>& table, const std::vector<Token>& tokens, Index heads) {
    std::vector<float> found;
    for (const Token t : tokens)
      found.insert(found.end(), table.begin() + t * heads * head_dim, table.begin() + (t + 1) * heads * head_dim);
    return found;
  }

  std::vector<float> q_, k_, v_, said_, habit_;
};

/// Tokens that follow each other, or branch: parents[i] is the node before node i, −1 for what is in the cache.
struct Tree {
  std::vector<Token> tokens;
  std::vector<std::int32_t> parents;
  std::vector<Index> positions;  // in the text, not in the cache: branches share them

  Index add(Token token, Index parent, Index begin) {
    tokens.push_back(token);
    parents.push_back(static_cast<std::int32_t>(parent));
    positions.push_back(parent < 0 ? begin : positions[at(parent)] + 1);
    return static_cast<Index>(tokens.size()) - 1;
  }
};

/// Guesses by what followed a word the last times: the two latest different words.
class Guesser {
 public:
  void saw(Token word, Token next) {
    Pair& pair = after_[at(word)];
    if (next == pair.first) return;
    pair = {next, pair.first};
  }
  /// Two guesses after `node`, and after each of these, `depth` deep.
  void grow(Tree& tree, Index node, int depth) const {
    if (depth == 0) return;
    const Pair& pair = after_[at(tree.tokens[at(node)])];
    for (const Token guess : {pair.first, pair.second})
      if (guess >= 0) grow(tree, tree.add(guess, node, 0), depth - 1);
  }

 private:
  struct Pair {
    Token first = -1, second = -1;
  };
  std::vector<Pair> after_ = std::vector<Pair>(at(words));
};

/// A text that grows. All its tokens but the last are in the cache.
class Text {
 public:
  explicit Text(const Model& model)
      : model_(model), cache_({.kv_heads = kv_heads, .capacity = longest, .head_dim = head_dim}) {}

  const std::vector<Token>& tokens() const { return tokens_; }
  int calls() const { return calls_; }

  void begin(Token first) { tokens_ = {first}; }

  /// One call: the last token and what is guessed after it. What is right of it becomes the text, and one more.
  void go_on(const Guesser& guesser, int depth) {
    Tree tree;
    const Index before = cache_.length(0);
    guesser.grow(tree, tree.add(tokens_.back(), -1, before), depth);
    append(tree);
    const std::vector<float> out = attend(tree);

    std::vector<Index> path = {0};  // nodes that turned out to be the text
    for (Index node = 0; node >= 0;) {
      const Token said = model_.next(tree.tokens[at(node)], out.data() + node * Model::width);
      tokens_.push_back(said);
      node = child(tree, node, said);
      if (node >= 0) path.push_back(node);
    }
    keep(tree, path, before);
  }

 private:
  static Index child(const Tree& tree, Index node, Token token) {
    for (Index i = node + 1; i < static_cast<Index>(tree.tokens.size()); ++i)
      if (tree.parents[at(i)] == node && tree.tokens[at(i)] == token) return i;
    return -1;
  }

  /// Keys are turned by where they would stand in the text.
  void append(const Tree& tree) {
    const Index n = static_cast<Index>(tree.tokens.size());
    const auto k = model_.keys(tree.tokens), v = model_.values(tree.tokens);
    cache_.append(rapt::bshd(k.data(), 1, n, kv_heads, head_dim), rapt::bshd(v.data(), 1, n, kv_heads, head_dim),
                  {.rope = &angles_, .rows = rapt::row_major(tree.positions.data(), 1, n)});
  }

  std::vector<float> attend(const Tree& tree) {
    const Index n = static_cast<Index>(tree.tokens.size());
    const auto q = model_.queries(tree.tokens);
    std::vector<float> out(q.size());
    rapt::attention(rapt::bshd(q.data(), 1, n, q_heads, head_dim), cache_,
                    rapt::bshd(out.data(), 1, n, q_heads, head_dim), rapt::ancestors(tree.parents),
                    {.rope = &angles_, .rope_rows = rapt::row_major(tree.positions.data(), 1, n)});
    ++calls_;
    return out;
  }

  /// The cache forgets the tree, and takes in what has become the text.
  void keep(const Tree& tree, const std::vector<Index>& path, Index before) {
    Tree text;
    for (const Index node : path) text.add(tree.tokens[at(node)], static_cast<Index>(text.tokens.size()) - 1, before);
    cache_.truncate(0, before);
    append(text);
  }

  const Model& model_;
  rapt::rope::Table<float> angles_{rapt::rope::standard(head_dim), longest};
  rapt::KvCache<float> cache_;
  std::vector<Token> tokens_;
  int calls_ = 0;
};

/// A text of `length` tokens, guessing `depth` deep; 0: one token at a time.
Text written(const Model& model, Index length, int depth) {
  Text text(model);
  Guesser guesser;
  text.begin(1);
  for (std::size_t seen = 1; static_cast<Index>(text.tokens().size()) < length;) {
    text.go_on(guesser, depth);
    for (; seen < text.tokens().size(); ++seen) guesser.saw(text.tokens()[seen - 1], text.tokens()[seen]);
  }
  return text;
}

void show_mask() {
  Tree tree;
  const Index root = tree.add(0, -1, 0), a = tree.add(1, root, 0), b = tree.add(2, root, 0);
  for (const Index node : {a, a, b}) tree.add(3, node, 0);
  const rapt::Ancestors mask = rapt::ancestors(tree.parents);
  std::printf("A tree of six nodes after three tokens, and what each node attends to:\n\n");
  std::printf("    node   parent   attends to\n");
  for (std::int32_t i = 0; i < 6; ++i) {
    std::printf("%8d %8d      ", int(i), int(tree.parents[at(i)]));
    for (std::int32_t key = 0; key < 9; ++key) std::printf(" %c", mask.attends({0, 0, 3 + i, key, i}) ? '#' : '.');
    std::printf("\n");
  }
}

}  // namespace

int main() {
  show_mask();
  const Model model;
  constexpr Index length = 400;
  const Text one = written(model, length, 0);
  std::printf("\n%d tokens, by a model of noise; guessed is what followed a word before:\n\n", int(length));
  std::printf("    guesses, deep    calls    tokens a call    the text\n");
  for (int depth = 0; depth <= 4; ++depth) {
    const Text text = written(model, length, depth);
    bool same = true;
    for (std::size_t i = 0; i < at(length); ++i) same = same && text.tokens()[i] == one.tokens()[i];
    std::printf("%17d %8d %16.2f    %s\n", depth, text.calls(), double(text.tokens().size() - 1) / text.calls(),
                same ? "the same" : "DIFFERENT");
    if (!same) return 1;
  }
}
