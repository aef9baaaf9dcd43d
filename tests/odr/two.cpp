#include "attend.hpp"

std::vector<float> attend_in_two() { return attend(); }
