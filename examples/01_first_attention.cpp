// The first attention: five positions look at one another.
//
// The values are the identity matrix, so what comes out is the attention weights themselves, here in percent: row i
// says how position i divides its attention. Each row adds up to 100, and causal() keeps everyone from looking ahead.
//
//     g++ -std=c++20 -O2 -Iinclude -I/usr/include/eigen3 examples/01_first_attention.cpp && ./a.out

#include <Eigen/Core>
#include <iostream>
#include <rapt/rapt.hpp>

int main() {
  const Eigen::MatrixXf q = 2 * Eigen::MatrixXf::Random(5, 64);  // five queries, 64 numbers each
  const Eigen::MatrixXf k = 2 * Eigen::MatrixXf::Random(5, 64);  // five keys to compare them with
  const Eigen::MatrixXf v = Eigen::MatrixXf::Identity(5, 5);     // five values to mix
  Eigen::MatrixXf out(5, 5);
  rapt::attention(rapt::view(q), rapt::view(k), rapt::view(v), rapt::view(out), rapt::causal());
  std::cout << (100 * out).array().round() << '\n';
}
