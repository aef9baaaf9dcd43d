// error: rapt: &&, || and ! combine masks
#include <rapt/rapt.hpp>

auto mask() {
  return rapt::causal() || [](float score, rapt::Coord) { return 2 * score; };
}
