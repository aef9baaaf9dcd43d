// note: q, k, v and out are views: bshd(pointer, ...), view(matrix)
#include <Eigen/Core>
#include <rapt/rapt.hpp>

int main() {
  Eigen::MatrixXf q(5, 64), k(5, 64), v(5, 64), out(5, 64);
  rapt::attention(q, k, v, out, rapt::causal());
}
