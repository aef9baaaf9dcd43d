// error: rapt: include <Eigen/Core> before a Linear of its 16-bit types
#include <rapt/linear/linear.hpp>

rapt::Linear<float, Eigen::half> pack(const float* weights) {
  return rapt::Linear<float, Eigen::half>({weights, 3, 4, 4, 1});
}
