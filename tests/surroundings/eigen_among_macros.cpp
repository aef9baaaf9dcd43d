// Eigen after those macros of macros.hpp that it survives by itself (windows.h, Qt, macOS and Unreal, complex.h), and
// rapt after both: they work together as they do without.
// clang-format off
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define interface struct
#define IN
#define OUT
#define OPTIONAL
#define ERROR 0
#define slots
#define signals public
#define emit
#define foreach for
#define check(assertion) do { } while (0)
#define verify(assertion) do { } while (0)
#define require(assertion, label) do { } while (0)
#define I (__extension__ 1.0iF)
// clang-format on
#include <Eigen/Core>

#include "rapt/rapt.hpp"

int main() {
  const Eigen::MatrixXf q = Eigen::MatrixXf::Constant(3, 8, 0.5f);
  Eigen::MatrixXf out(3, 8);
  rapt::attention(rapt::view(q), rapt::view(q), rapt::view(q), rapt::view(out), rapt::causal());
  rapt::KvCache<Eigen::bfloat16> cache({.capacity = 8, .head_dim = 8});
  cache.append(rapt::view(q), rapt::view(q));
  return out(0, 0) == 0.5f && cache.length(0) == 3 ? 0 : 1;
}
