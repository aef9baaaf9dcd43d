// A program without exceptions and without run-time type information: everything is included, attention is computed,
// and an error reaches the program's handler with its sentence; then, with the handler that rapt brings, it ends the
// program (see CMakeLists.txt).
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "rapt/compat/flash_attention.hpp"
#include "rapt/compat/ggml.hpp"
#include "rapt/compat/onnx.hpp"
#include "rapt/compat/pytorch.hpp"
#include "rapt/rapt.hpp"

namespace {

std::jmp_buf back;
char said[200];

void remember(const char* sentence) {
  std::snprintf(said, sizeof said, "%s", sentence);
  std::longjmp(back, 1);
}

}  // namespace

int main() {
  const float x[4] = {1, 2, 3, 4};
  float o[4] = {};
  const auto one = rapt::bhsd(x, 1, 1, 1, 4);
  rapt::attention(one, one, one, rapt::bhsd(o, 1, 1, 1, 4));
  if (o[0] != 1 || o[3] != 4) return std::puts("wrong"), 1;

  const rapt::ErrorHandler before = rapt::set_error_handler(remember);
  if (setjmp(back) == 0) {
    rapt::attention(one, one, one, rapt::bhsd(o, 1, 1, 1, 3));
    return std::puts("no error"), 1;
  }
  if (std::strcmp(said, "rapt: out: value_dim is 3; it has to be 4, as in v") != 0) return std::puts(said), 1;

  rapt::set_error_handler(before);
  rapt::attention(one, one, one, rapt::bhsd(o, 1, 1, 1, 2));
}
