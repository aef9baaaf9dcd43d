// note: rapt: a shape is {.sequences, .kv_heads, .capacity, .head_dim, .value_dim}, in this order
#include <rapt/rapt.hpp>

int main() { rapt::KvCache<float> cache({.kv_head = 8, .capacity = 8192, .head_dim = 128}); }
