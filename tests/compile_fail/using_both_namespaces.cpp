// no error
#include <Eigen/Core>
#include <rapt/rapt.hpp>

using namespace Eigen;
using namespace rapt;

int main() {
  const Matrix<float, Dynamic, Dynamic> q = MatrixXf::Random(5, 64);
  Matrix<float, Dynamic, Dynamic, RowMajor> out(5, 64);
  const Index n = q.rows();
  attention(view(q), view(q), view(q), view(out), causal() | window(n, 0));
  KvCache<bfloat16, half> cache({.capacity = 8, .head_dim = 64});
  const int table[] = {0, 0};
  return row_major(table, 1, 2)(0, 1);
}
