// Memory to work in: how it grows, whose it is, and that one call at a time has it.
#include "rapt/plan/workspace.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/refusal.hpp"

namespace rapt_test::workspace_test {
namespace {

using rapt::Workspace;

TEST(Workspace, StartsEmptyGrowsAndDoesNotShrink) {
  Workspace workspace;
  EXPECT_EQ(workspace.bytes(), 0);
  workspace.reserve(100);
  EXPECT_GE(workspace.bytes(), 100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(workspace.data()) % Workspace::alignment, 0u);
  const std::byte* const data = workspace.data();
  workspace.reserve(50);
  EXPECT_EQ(workspace.data(), data);
  workspace.reserve(1000);
  EXPECT_GE(workspace.bytes(), 1000);
}

TEST(Workspace, OfTheCallersMemoryIsNeitherFreedNorGrown) {
  alignas(64) std::byte memory[256];
  {
    Workspace workspace(memory, sizeof memory);
    EXPECT_EQ(workspace.data(), memory);
    workspace.reserve(256);
    EXPECT_EQ(refusal([&] { workspace.reserve(257); }), "rapt: workspace: has 256 bytes; it has to have 257");
  }
  EXPECT_EQ(refusal([&] { Workspace(memory + 32, 64); }),
            "rapt: workspace: the memory is not aligned; it has to be a multiple of 64 bytes");
}

TEST(Workspace, MovesWithItsMemory) {
  Workspace a(128);
  const std::byte* const data = a.data();
  Workspace b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(b.bytes(), 128);
  Workspace c;
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
}

TEST(Workspace, IsInUseOnceAtATime) {
  Workspace workspace(64);
  {
    const Workspace::Use use(workspace);
    EXPECT_EQ(refusal([&] { const Workspace::Use second(workspace); }),
              "rapt: workspace: is being used by another call; it has to be free: one call at a time");
  }
  EXPECT_EQ(refusal([&] { const Workspace::Use again(workspace); }), "");
}

}  // namespace
}  // namespace rapt_test::workspace_test
