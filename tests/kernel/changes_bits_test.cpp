// The library's score changes and sinks have the bits of the contract, whichever kernel takes the rows, on every
// instruction set, with threads, from caches, and a row at a time.
#include <limits>
#include <vector>

#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::changes_bits_test {
namespace {

class ChangesBits : public OnEveryIsa {};

/// One for each of up to four heads.
template <class K> const std::vector<K> numbers{K(0.5), K(-0.25), K(0.0625), K(1.7)};

TEST_P(ChangesBits, OfAlibi) {
  const auto alibi = [](Index heads) { return rapt::alibi(numbers<float>.data(), heads) | rapt::causal(); };
  expect_bits_by_head<float>(GetParam(), alibi);
  expect_bits_by_head<double>(GetParam(), alibi);
}

/// After another form, and to both sides of the query.
TEST_P(ChangesBits, OfAlibiOfSoftcappedScores) {
  expect_bits_by_head<float>(GetParam(),
                             [](Index heads) { return rapt::softcap(2) | rapt::alibi(numbers<float>.data(), heads); });
}

TEST_P(ChangesBits, OfScalesByHeadAndSinks) {
  const auto both = [](Index heads) {
    return rapt::scale_by_head(numbers<float>.data(), heads) | rapt::sinks(numbers<float>.data(), heads);
  };
  expect_bits_by_head<float>(GetParam(), both);
  expect_bits_by_head<double>(GetParam(), both);
}

/// In the middle of a composition, doubles, and of one head none.
TEST_P(ChangesBits, OfSinksAnywhere) {
  static const double logits[4] = {1.1, -std::numeric_limits<double>::infinity(), -3, 0.3};
  expect_bits_by_head<float>(GetParam(), [](Index heads) {
    return rapt::sinks(logits, heads) | rapt::alibi(numbers<float>.data(), heads) | rapt::window(40, 0);
  });
}

/// A sink larger than all scores moves the reference point when it joins.
TEST_P(ChangesBits, OfLargeSinks) {
  static const float logits[4] = {9, 5, 3, 20};
  const auto sinks = [](Index heads) { return rapt::sinks(logits, heads); };
  expect_bits_by_head<float>(GetParam(), sinks);
  expect_bits_by_head<double>(GetParam(), sinks);
}

RAPT_ON_EVERY_ISA(ChangesBits);

}  // namespace
}  // namespace rapt_test::changes_bits_test
