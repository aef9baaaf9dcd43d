#include "support/observe.hpp"

RAPT_TEST_OBSERVE_ALL()
