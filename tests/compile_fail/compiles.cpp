// no error
#include <Eigen/Core>
#include <rapt/rapt.hpp>

// The same calls as in the other files, but right: what they fail for is the one thing that each gets wrong.
void call(float* data, const float* read_only, const Eigen::MatrixXf& matrix) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  const auto y = rapt::bshd(read_only, 1, 2, 3, 4);
  rapt::attention(y, y, y, x);
  rapt::attention(x, y, x, x, rapt::causal() | rapt::window(7, 0), {.scale = 0.5});
  rapt::attention(rapt::view(matrix), rapt::view(matrix), rapt::view(matrix), x);
}
