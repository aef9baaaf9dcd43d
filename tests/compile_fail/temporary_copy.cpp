// error: rapt: a view of a temporary matrix would outlive it: name the matrix first
#include <Eigen/Core>
#include <rapt/rapt.hpp>

// A Ref to a constant makes itself a copy of what isn't in memory.
auto call(const Eigen::MatrixXf& m) { return rapt::view(Eigen::Ref<const Eigen::MatrixXf>(2 * m)); }
