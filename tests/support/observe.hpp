// What attention looked at, all of it at once: by the kernels, by the contract, and as one would write it down.
//
// AnyScore stands for any composition of stages: it asks them through pointers, so that one set of loops serves the
// tests of all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rapt/observe/observe.hpp"
#include "rapt/reference/observe.hpp"
#include "support/caches.hpp"
#include "support/tensors.hpp"

namespace rapt_test {

/// Any stages, by what they answer.
struct AnyScore {
  std::shared_ptr<const void> stages;
  bool (*ask)(const void*, rapt::Coord);
  rapt::Coverage (*look)(const void*, const rapt::Box&);
  float (*change_float)(const void*, float, rapt::Coord);
  double (*change_double)(const void*, double, rapt::Coord);
  double (*ask_sink)(const void*, std::int32_t, std::int32_t);
  void (*refuse)(const void*, const rapt::ProblemShape&);
  std::string words;
  std::optional<rapt::Align> align{};

  bool attends(rapt::Coord c) const { return ask(stages.get(), c); }
  rapt::Coverage covers(const rapt::Box& box) const { return look(stages.get(), box); }
  float change(float score, rapt::Coord c) const { return change_float(stages.get(), score, c); }
  double change(double score, rapt::Coord c) const { return change_double(stages.get(), score, c); }
  double sink(std::int32_t batch, std::int32_t head) const { return ask_sink(stages.get(), batch, head); }
  void check(const rapt::ProblemShape& shape) const { refuse(stages.get(), shape); }
  std::string describe() const { return words; }
};

template <class S> AnyScore any_score(const S& stages) {
  static constexpr auto of = [](const void* s) -> const S& { return *static_cast<const S*>(s); };
  return {std::make_shared<const S>(stages),
          [](const void* s, rapt::Coord c) { return rapt::detail::attends(of(s), c); },
          [](const void* s, const rapt::Box& box) { return rapt::detail::covers(of(s), box); },
          [](const void* s, float x, rapt::Coord c) { return rapt::detail::changed(of(s), x, c); },
          [](const void* s, double x, rapt::Coord c) { return rapt::detail::changed(of(s), x, c); },
          [](const void* s, std::int32_t b, std::int32_t h) {
            if constexpr (rapt::detail::Sinks<S>)
              return of(s).sink(b, h);
            else
              return -std::numeric_limits<double>::infinity();
          },
          [](const void* s, const rapt::ProblemShape& shape) { rapt::detail::check(of(s), shape); },
          rapt::detail::describe(stages),
          rapt::detail::align_of(stages)};
}

/// Everything that can be asked of a call, [batch, head, …]; what was not written holds the sentinel.
template <class T> struct Observed {
  Shape shape;
  Index top;
  std::vector<T> scores, probabilities, lse, entropy, largest, largest_probability, top_probabilities, mass;
  std::vector<std::int32_t> top_keys;

  Observed(const Shape& s, Index n)
      : shape(s),
        top(n),
        scores(at(s.rows() * s.kv_len), sentinel<T>),
        probabilities(scores),
        lse(at(s.rows()), sentinel<T>),
        entropy(lse),
        largest(lse),
        largest_probability(lse),
        top_probabilities(at(s.rows() * n), sentinel<T>),
        mass(at(s.batch * s.q_heads * s.kv_len), sentinel<T>),
        top_keys(at(s.rows() * n), -77) {}

  View<T> matrix(std::vector<T>& x) const {
    return rapt::bhsd(x.data(), shape.batch, shape.q_heads, shape.q_len, shape.kv_len);
  }
  rapt::Cube<T> rows(std::vector<T>& x) const { return rapt::bhs(x.data(), shape.batch, shape.q_heads, shape.q_len); }
  LogSumExp<T> lse_view() { return rapt::lse_bhs(lse.data(), shape.batch, shape.q_heads, shape.q_len); }
  rapt::Observation<T> all() {
    return {rows(entropy),
            rows(largest),
            rows(largest_probability),
            rapt::bhsd(top_keys.data(), shape.batch, shape.q_heads, shape.q_len, top),
            rapt::bhsd(top_probabilities.data(), shape.batch, shape.q_heads, shape.q_len, top),
            rapt::bhs(mass.data(), shape.batch, shape.q_heads, shape.kv_len),
            {}};
  }
  Index row(Index b, Index h, Index i) const { return (b * shape.q_heads + h) * shape.q_len + i; }
};

template <class T> testing::AssertionResult same_bits(const Observed<T>& a, const Observed<T>& b) {
  const std::pair<const char*, std::vector<T> Observed<T>::*> fields[] = {
      {"scores", &Observed<T>::scores},
      {"probabilities", &Observed<T>::probabilities},
      {"lse", &Observed<T>::lse},
      {"entropy", &Observed<T>::entropy},
      {"largest", &Observed<T>::largest},
      {"largest_probability", &Observed<T>::largest_probability},
      {"top_probabilities", &Observed<T>::top_probabilities},
      {"mass", &Observed<T>::mass}};
  for (const auto& [name, field] : fields)
    if (auto same = same_bits(a.*field, b.*field); !same) return same << " in " << name;
  for (std::size_t i = 0; i < a.top_keys.size(); ++i)
    if (a.top_keys[i] != b.top_keys[i])
      return testing::AssertionFailure() << "top key " << i << " is " << a.top_keys[i] << " and not " << b.top_keys[i];
  return testing::AssertionSuccess();
}

/// By the kernels; `keys` is a view or a cache.
template <class T>
Observed<T> observed(const View<const T>& q, const auto& keys, const Shape& shape, const auto& stages,
                     Options<T> options, Index top) {
  Observed<T> found(shape, top);
  rapt::scores(q, keys, found.matrix(found.scores), stages, options);
  options.lse = found.lse_view();
  rapt::probabilities(q, keys, found.matrix(found.probabilities), stages, options);
  options.lse = {};
  rapt::observe(q, keys, found.all(), stages, options);
  return found;
}

/// By the contract's transcription.
template <class T> Observed<T> transcribed(const Views<T>& in, const auto& stages, Options<T> options, Index top) {
  Observed<T> found(in.shape(), top);
  rapt::contract::scores<T>(in.q, in.k, found.matrix(found.scores), stages, options);
  options.lse = found.lse_view();
  rapt::contract::probabilities<T>(in.q, in.k, found.matrix(found.probabilities), stages, options);
  rapt::contract::observe<T>(in.q, in.k, found.all(), stages, options);
  return found;
}

}  // namespace rapt_test
