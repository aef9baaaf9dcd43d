// error: rapt: a view of a temporary matrix would outlive it: name the matrix first
#include <Eigen/Core>
#include <rapt/rapt.hpp>

auto call() { return rapt::view(Eigen::MatrixXf(2, 4)); }
