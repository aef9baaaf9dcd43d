// note: q, k, v and out are views: bshd(pointer, ...), view(matrix)
#include <rapt/rapt.hpp>
#include <vector>

int main() {
  std::vector<float> q(64), k(64), v(64), out(64);
  rapt::attention(q.data(), k.data(), v.data(), out.data());
}
