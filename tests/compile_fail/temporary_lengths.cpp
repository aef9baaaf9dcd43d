// error: delete
#include <rapt/rapt.hpp>

auto mask() { return rapt::padding(std::vector<std::int32_t>{3, 4}); }
