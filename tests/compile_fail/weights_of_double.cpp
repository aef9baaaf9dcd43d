// error: rapt: Linear keeps weights as what it takes, or, of float, as Eigen::half, Eigen::bfloat16, rapt::int8, q8_0,
#include <rapt/rapt.hpp>

rapt::Index call(const rapt::Linear<double, rapt::q4_0>& linear) { return linear.in_features(); }
