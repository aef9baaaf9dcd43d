#include "attend.hpp"

std::vector<float> attend_in_one() { return attend(); }
