// Not run: stage_loop.sh reads its machine code.
#include <rapt/rapt.hpp>

/// A score function of a user's: what it captures, the coordinates, and the arithmetic are the usual ones.
void attend(float* data, float slope) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x,
                  [slope](float s, rapt::Coord c) { return s + slope * static_cast<float>(c.key - c.query); });
}
