// note: options are {.scale, .lse, .executor, .rope, .rope_rows, .workspace, .arithmetic, .isa}, in this order
#include <rapt/rapt.hpp>

int main() {
  float x[4] = {}, out[4];
  const auto view = rapt::bhsd(x, 1, 1, 1, 4);
  rapt::attention(view, view, view, rapt::bhsd(out, 1, 1, 1, 4), rapt::causal(), {.scal = 0.5});
}
