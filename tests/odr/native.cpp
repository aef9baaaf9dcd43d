#include "attend.hpp"

std::vector<float> attend_in_native() { return attend(); }
