#include "sampler.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <numeric>
#include <vector>

namespace stories {

/// xorshift64*, its upper 24 bits as a fraction.
float Sampler::coin() {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  const std::uint64_t random = (state_ * 0x2545F4914F6CDD1Du) >> 32;
  return float(random >> 8) / float(1 << 24);
}

int Sampler::operator()(const Row& logits) {
  Eigen::Index best = 0;
  const float largest = logits.maxCoeff(&best);
  if (temperature_ == 0) return static_cast<int>(best);

  const float drawn = coin();
  Row p = ((logits.array() - largest) / temperature_).exp();
  p /= p.sum();

  // The candidates in the order of their draw: all tokens as they stand, or the likeliest alone, the best first.
  std::vector<int> candidates(static_cast<std::size_t>(p.size()));
  std::iota(candidates.begin(), candidates.end(), 0);
  float total = 1;
  if (top_p_ > 0 && top_p_ < 1) {
    // With less than this a token can't be among them: the others would reach top_p without it.
    const float least = (1 - top_p_) / float(p.size() - 1);
    std::erase_if(candidates, [&](int token) { return p[token] < least; });
    std::stable_sort(candidates.begin(), candidates.end(), [&](int a, int b) { return p[a] > p[b]; });
    total = 0;
    std::size_t count = 0;
    while (count < candidates.size() && total <= top_p_) total += p[candidates[count++]];
    candidates.resize(count);
  }

  float sum = 0;
  for (const int token : candidates) {
    sum += p[token];
    if (drawn * total < sum) return token;
  }
  return candidates.back();  // rounding left the sum a little short
}

}  // namespace stories
