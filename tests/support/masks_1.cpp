#include "support/masks.hpp"

RAPT_TEST_MASKS_1()
