// error: rapt: the numbers of a temporary vector would be gone before they are read: name the vector first
#include <rapt/rapt.hpp>

auto call() { return rapt::alibi(rapt::alibi_slopes(8)); }
