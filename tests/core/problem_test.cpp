// What can't be right is refused before anything is written, in words that name the argument, what it was and what it
// had to be.
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/executors.hpp"
#include "support/tensors.hpp"

namespace rapt_test::problem_test {
namespace {

class NoWorkers final : public rapt::Executor {
 public:
  int workers() const override { return 0; }
  void run(int, rapt::FunctionRef<void(int)>) override {}
};

/// A call that is right until a test changes it.
struct Call {
  std::vector<float> q_memory = std::vector<float>(1000), k_memory = q_memory, v_memory = q_memory;
  std::vector<float> written = std::vector<float>(2000, sentinel<float>);
  alignas(64) std::byte small[64];
  rapt::Workspace workspace{small, 64};
  NoWorkers no_workers;

  View<float> q = rapt::bhsd(q_memory.data(), 2, 4, 3, 8);
  View<float> k = rapt::bhsd(k_memory.data(), 2, 2, 5, 8);
  View<float> v = rapt::bhsd(v_memory.data(), 2, 2, 5, 6);
  View<float> out = rapt::bhsd(written.data(), 2, 4, 3, 6);
  Options<float> options{.lse = rapt::lse_bhs(written.data() + 1000, 2, 4, 3)};
  rapt::Band score = rapt::causal();

  void run() { rapt::attention(q, k, v, out, score, options); }
  void run_reference() { rapt::reference::attention<float>(q, k, v, out, score, options); }
  void run_contract() { rapt::contract::attention<float>(q, k, v, out, score, options); }
};

struct Mistake {
  const char* name;
  std::function<void(Call&)> make;
  std::string text;
  bool of_the_problem = true;  // and not of the machine: the references refuse it as well
};

float* misaligned(float* p) { return reinterpret_cast<float*>(reinterpret_cast<std::uintptr_t>(p) + 1); }

std::vector<Mistake> mistakes() {
  std::vector<Mistake> found;
  const auto add = [&](const char* name, std::function<void(Call&)> make, std::string text,
                       bool of_the_problem = true) {
    found.push_back({name, std::move(make), "rapt: " + text, of_the_problem});
  };
  const std::pair<const char*, View<float> Call::*> views[] = {
      {"q", &Call::q}, {"k", &Call::k}, {"v", &Call::v}, {"out", &Call::out}};
  for (const auto& [name, view] : views) {
    const auto set = [view = view](std::size_t dim, Index extent) {
      return [=](Call& c) { (c.*view).extent[dim] = extent; };
    };
    const std::string argument = std::string(name) + ": ";
    add("batch of -1", set(0, -1), argument + "batch is -1; it has to be 0 or more");
    add("no heads", set(1, 0), argument + "the number of heads is 0; it has to be 1 or more");
    add("length of -1", set(2, -1), argument + "length is -1; it has to be from 0 to 2^30 - 1");
    add("length of 2^30", set(2, 1 << 30), argument + "length is 1073741824; it has to be from 0 to 2^30 - 1");
    const bool of_values = view == &Call::v || view == &Call::out;
    add("far too many", set(0, 1 << 30), argument + "batch is 1073741824; it has to be less than 2^30");
    add(
        "a stride past all memory", [view = view](Call& c) { (c.*view).stride[2] = Index(1) << 60; },
        argument + "the stride of positions is 1152921504606846976; it has to keep the view within 2^56 elements");
    add("no dims", set(3, 0), argument + (of_values ? "value_dim" : "head_dim") + " is 0; it has to be 1 or more");
    add(
        "no memory", [view = view](Call& c) { (c.*view).data = nullptr; },
        argument + "data is a null pointer; it has to point to the elements, as no extent is 0");
    add(
        "misaligned", [view = view](Call& c) { (c.*view).data = misaligned((c.*view).data); },
        argument + "data is not aligned; it has to be a multiple of 4 bytes");
  }
  add(
      "k batch", [](Call& c) { c.k.extent[0] = 1; }, "k: batch is 1; it has to be 2, as in q");
  add(
      "v batch", [](Call& c) { c.v.extent[0] = 3; }, "v: batch is 3; it has to be 2, as in q");
  add(
      "out batch", [](Call& c) { c.out.extent[0] = 1; }, "out: batch is 1; it has to be 2, as in q");
  add(
      "k dim", [](Call& c) { c.k.extent[3] = 4; }, "k: head_dim is 4; it has to be 8, as in q");
  add(  // the odd one out is named, not the first that differs
      "q dim", [](Call& c) { c.q.extent[3] = 7, c.v.extent[3] = c.k.extent[3]; },
      "q: head_dim is 7; it has to be 8, as in k");
  add(
      "v heads", [](Call& c) { c.v.extent[1] = 4; }, "v: the number of heads is 4; it has to be 2, as in k");
  add(
      "v length", [](Call& c) { c.v.extent[2] = 4; }, "v: length is 4; it has to be 5, as in k");
  add(
      "out heads", [](Call& c) { c.out.extent[1] = 2; }, "out: the number of heads is 2; it has to be 4, as in q");
  add(
      "out length", [](Call& c) { c.out.extent[2] = 2; }, "out: length is 2; it has to be 3, as in q");
  add(
      "out dim", [](Call& c) { c.out.extent[3] = 8; }, "out: value_dim is 8; it has to be 6, as in v");
  add(
      "heads that do not divide", [](Call& c) { c.q.extent[1] = c.out.extent[1] = 3; },
      "q: the number of heads is 3; it has to be a multiple of the 2 key/value heads");

  add(
      "lse batch", [](Call& c) { c.options.lse.extent[0] = 1; }, "lse: batch is 1; it has to be 2, as in q");
  add(
      "lse heads", [](Call& c) { c.options.lse.extent[1] = 2; },
      "lse: the number of heads is 2; it has to be 4, as in q");
  add(
      "lse length", [](Call& c) { c.options.lse.extent[2] = 5; }, "lse: length is 5; it has to be 3, as in q");

  add(
      "scale NaN", [](Call& c) { c.options.scale = std::numeric_limits<double>::quiet_NaN(); },
      "scale: is nan; it has to be finite, as a float");
  add(
      "scale infinite", [](Call& c) { c.options.scale = -std::numeric_limits<double>::infinity(); },
      "scale: is -inf; it has to be finite, as a float");
  add(
      "scale too large for float", [](Call& c) { c.options.scale = 1e39; },
      "scale: is 1e+39; it has to be finite, as a float");
  add(
      "offset too large", [](Call& c) { c.score = rapt::causal(rapt::align::offset(1 << 30)); },
      "score: the first query's position is 1073741824; it has to be within 2^30 of the first key");
  add(
      "offset too small", [](Call& c) { c.score = rapt::causal(rapt::align::offset(-(1 << 30))); },
      "score: the first query's position is -1073741824; it has to be within 2^30 of the first key");

  add(
      "out broadcast", [](Call& c) { c.out.stride[1] = 0; },
      "out: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is read)");
  add(
      "lse broadcast", [](Call& c) { c.options.lse.stride[2] = 0; },
      "lse: two elements may share an address; each needs its own (a stride of 0 broadcasts only what is read)");
  add(
      "lse in out", [](Call& c) { c.options.lse.data = c.out.data + 5; },
      "lse: shares memory with out; it has to be apart from it");
  add(
      "out in q", [](Call& c) { c.q.data = c.out.data; },
      "out: shares memory with q; it has to be apart from what is read");
  add(
      "out in k", [](Call& c) { c.k.data = c.out.data + 100; },
      "out: shares memory with k; it has to be apart from what is read");
  add(
      "out in v", [](Call& c) { c.v.data = c.out.data + 143; },
      "out: shares memory with v; it has to be apart from what is read");
  add(
      "lse in q", [](Call& c) { c.q.data = c.options.lse.data; },
      "lse: shares memory with q; it has to be apart from what is read");
  add(
      "lse in k", [](Call& c) { c.k.data = c.options.lse.data + 23; },
      "lse: shares memory with k; it has to be apart from what is read");
  add(
      "lse in v", [](Call& c) { c.v.data = c.options.lse.data - 119; },
      "lse: shares memory with v; it has to be apart from what is read");

  add(
      "workers", [](Call& c) { c.options.executor = &c.no_workers; },
      "executor: workers() is 0; it has to be 1 or more", false);
  if (!rapt::supported(Isa::neon) || !rapt::supported(Isa::avx512)) {
    const Isa lacking = rapt::supported(Isa::neon) ? Isa::avx512 : Isa::neon;
    add(
        "instruction set", [lacking](Call& c) { c.options.isa = lacking; },
        "options.isa: is " + std::string(rapt::name(lacking)) + ", " + rapt::detail::why_not(lacking) +
            "; it has to be one of: " + rapt::detail::supported_names(),
        false);
  }
  return found;
}

void expect_refused(const Mistake& mistake, void (Call::*run)()) {
  Call call;
  mistake.make(call);
  try {
    (call.*run)();
    ADD_FAILURE() << mistake.name << ": nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), mistake.text);
  }
  EXPECT_TRUE(same_bits(call.written, Call().written)) << mistake.name << ": something was written";
}

TEST(Problem, IsRightAsTheTestsHaveIt) {
  Call call;
  EXPECT_NO_THROW(call.run());
  EXPECT_FALSE(same_bits(call.written, Call().written));
}

TEST(Problem, RefusesEveryMistakeInWordsAndWritesNothing) {
  for (const Mistake& mistake : mistakes()) expect_refused(mistake, &Call::run);
}

TEST(Problem, IsTheSameForTheReferences) {
  for (const Mistake& mistake : mistakes()) {
    if (!mistake.of_the_problem) continue;
    expect_refused(mistake, &Call::run_reference);
    expect_refused(mistake, &Call::run_contract);
  }
}

TEST(Problem, RefusesAWorkspaceThatCanNotGrow) {
  Call call;
  call.options.workspace = &call.workspace;
  try {
    call.run();
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).rfind("rapt: workspace: has 64 bytes; it has to have ", 0), 0u) << error.what();
  }
  EXPECT_TRUE(same_bits(call.written, Call().written));
}

TEST(Problem, RefusesALogsumexpThatIsNotAligned) {
  expect_refused({"misaligned lse", [](Call& c) { c.options.lse.data = misaligned(c.options.lse.data); },
                  "rapt: lse: data is not aligned; it has to be a multiple of 4 bytes"},
                 &Call::run);
}

TEST(Problem, TakesNullPointersWhereThereAreNoElements) {
  Call call;
  call.q.extent[2] = call.out.extent[2] = call.options.lse.extent[2] = 0;
  call.q.data = call.out.data = nullptr;
  EXPECT_NO_THROW(call.run());
  Call no_keys;
  no_keys.k.extent[2] = no_keys.v.extent[2] = 0;
  no_keys.k.data = no_keys.v.data = nullptr;
  EXPECT_NO_THROW(no_keys.run());
}

TEST(Problem, TakesQueriesKeysValuesAndOutputsInterleavedInOneBuffer) {
  const Index heads = 2, dim = 8, row = 4 * heads * dim, length = 20;
  std::vector<float> buffer = random_numbers<float>(length * row, 1);
  const auto part = [&](Index which) {
    return rapt::strided(buffer.data() + which * heads * dim, {1, heads, length, dim}, {0, dim, row, 1});
  };
  EXPECT_NO_THROW(rapt::attention(part(0), part(1), part(2), part(3), rapt::causal()));
}

TEST(Problem, DerivesTheGroupTheScaleAndTheFirstPosition) {
  Call call;
  const auto problem =
      rapt::detail::validated<float, float, float>(call.q, call.k, call.v, call.out, {}, {}, rapt::align::bottom_right);
  EXPECT_EQ(problem.batch(), 2);
  EXPECT_EQ(problem.q_heads(), 4);
  EXPECT_EQ(problem.kv_heads(), 2);
  EXPECT_EQ(problem.group(), 2);
  EXPECT_EQ(problem.q_len(0), 3);
  EXPECT_EQ(problem.kv_len(0), 5);
  EXPECT_EQ(problem.head_dim(), 8);
  EXPECT_EQ(problem.value_dim(), 6);
  EXPECT_EQ(problem.first_query(0), 2);
  EXPECT_EQ(problem.scale, static_cast<float>(1 / std::sqrt(8.0)));
}

}  // namespace
}  // namespace rapt_test::problem_test
