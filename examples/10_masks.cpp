// Masks: who may attend to whom, and what it saves.
//
// Keys go in tiles of 64, queries in groups of as many as fit the registers. Of each box of scores a mask knows whether
// nothing of it is attended, all of it, or some: the first is skipped and never read, the second is computed plainly,
// and only in the third are single scores looked at. Masks are values; they compose with | and combine with &&, || and
// !.
//
//     10_masks [picture.pgm]      the pictures side by side, a pixel for two positions either way; masks.pgm by default

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <rapt/attention.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using rapt::Coverage;
using rapt::Index;

constexpr Index positions = 512, tile = 64, tiles = positions / tile;
constexpr Index panel = positions / 2, gap = 8, columns = 4;  // of the picture

std::int32_t narrow(Index i) { return static_cast<std::int32_t>(i); }

/// What becomes of a tile of the first head.
template <class M> Coverage look(const M& mask, Index query_tile, Index key_tile) {
  const std::int32_t query = narrow(query_tile * tile), key = narrow(key_tile * tile), last = narrow(tile - 1);
  return rapt::detail::covers(mask, rapt::Box{0, 0, 0, query, query + last, key, key + last, query});
}

template <class M> bool attends(const M& mask, Index query, Index key) {
  return rapt::detail::attends(mask, rapt::Coord{0, 0, narrow(query), narrow(key), narrow(query)});
}

class Pictures {
 public:
  /// Adds a panel: dark where a tile is computed plainly, gray where some of it is attended (and pale where its scores
  /// are masked), white where it is skipped.
  template <class M> void add(const M& mask) {
    std::vector<unsigned char> pixels(static_cast<std::size_t>(panel * panel));
    for (Index y = 0; y < panel; ++y)
      for (Index x = 0; x < panel; ++x) {
        const Coverage covers = look(mask, 2 * y / tile, 2 * x / tile);
        int attended = 0;
        for (Index i = 0; i < 4; ++i) attended += attends(mask, 2 * y + i / 2, 2 * x + i % 2);
        const int gray = covers == Coverage::none ? 255 : covers == Coverage::all ? 40 : 220 - attended * 30;
        pixels[static_cast<std::size_t>(y * panel + x)] = static_cast<unsigned char>(gray);
      }
    panels_.push_back(std::move(pixels));
  }

  /// All of them, as a portable gray map, which any viewer of pictures shows.
  void write(const std::string& path) const {
    const Index rows = (static_cast<Index>(panels_.size()) + columns - 1) / columns;
    const Index width = columns * (panel + gap) + gap, height = rows * (panel + gap) + gap;
    std::vector<char> sheet(static_cast<std::size_t>(width * height), static_cast<char>(150));
    for (std::size_t p = 0; p < panels_.size(); ++p) {
      const Index left = gap + static_cast<Index>(p) % columns * (panel + gap);
      const Index top = gap + static_cast<Index>(p) / columns * (panel + gap);
      for (Index y = 0; y < panel; ++y)
        std::copy_n(panels_[p].data() + y * panel, panel, sheet.data() + (top + y) * width + left);
    }
    std::ofstream file(path, std::ios::binary);
    file << "P5\n" << width << ' ' << height << "\n255\n";
    file.write(sheet.data(), static_cast<std::streamsize>(sheet.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
  }

 private:
  std::vector<std::vector<unsigned char>> panels_;
};

/// The tiles of a mask as text, a row of queries a line.
template <class M> void show(Pictures& pictures, const char* what, const M& mask) {
  pictures.add(mask);
  Index count[3] = {}, attended = 0;
  std::printf("\n%s\n%s\n", rapt::detail::describe(mask).c_str(), what);
  for (Index q = 0; q < tiles; ++q) {
    std::printf("    ");
    for (Index k = 0; k < tiles; ++k) {
      const Coverage covers = look(mask, q, k);
      ++count[static_cast<int>(covers)];
      std::printf(" %c", covers == Coverage::none ? '.' : covers == Coverage::all ? '#' : '+');
    }
    std::printf("\n");
  }
  for (Index q = 0; q < positions; ++q)
    for (Index k = 0; k < positions; ++k) attended += attends(mask, q, k);
  std::printf("    %d tiles skipped, %d plain, %d looked at; %.1f%% of the scores are attended\n", int(count[0]),
              int(count[2]), int(count[1]), 100.0 * double(attended) / double(positions * positions));
}

// ---- what some of them need -------------------------------------------------------------------

std::vector<std::int32_t> packed_documents() {
  std::vector<std::int32_t> ids;
  std::int32_t document = 0;
  const std::size_t lengths[] = {100, 30, 180, 80, 122};
  for (const std::size_t length : lengths) ids.resize(ids.size() + length, document++);
  return ids;
}

/// The last 320 positions are a tree: a trunk of 64, and four branches of 64 each.
std::vector<std::int32_t> tree() {
  std::vector<std::int32_t> parents;
  for (std::int32_t i = 0; i < 320; ++i) parents.push_back(i % 64 == 0 ? (i == 0 ? -1 : 63) : i - 1);
  return parents;
}

/// Blocks of 64 around the diagonal, the first column, and a few at random: as in BigBird.
struct Blocks {
  std::vector<std::int32_t> rows = {0}, columns;
  Blocks() {
    for (std::int32_t r = 0; r < 8; ++r) {
      for (std::int32_t c = 0; c < 8; ++c)
        if (c == 0 || (c >= r - 1 && c <= r + 1) || (r * 5 + c * 3) % 11 == 4) columns.push_back(c);
      rows.push_back(narrow(static_cast<Index>(columns.size())));
    }
  }
};

/// A mask in memory: a disc.
std::unique_ptr<bool[]> disc() {
  auto mask = std::make_unique<bool[]>(static_cast<std::size_t>(positions * positions));
  for (Index q = 0; q < positions; ++q)
    for (Index k = 0; k < positions; ++k)
      mask[static_cast<std::size_t>(q * positions + k)] = (q - 256) * (q - 256) + (k - 256) * (k - 256) < 200 * 200;
  return mask;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace rapt;
  std::printf("%d queries down, %d keys across, in tiles of %d:  . skipped   # computed plainly   + looked at\n",
              int(positions), int(positions), int(tile));
  const auto ids = packed_documents(), parents = tree();
  const Blocks blocks;
  const auto picture = disc();
  Pictures pictures;
  show(pictures, "a query attends to itself and what is before it", causal());
  show(pictures, "to the last 100 positions", window(100, 0));
  show(pictures, "a prefix is seen by all; after it, causal", prefix_lm(200));
  show(pictures, "chunks that don't see each other", chunk_local(128) | causal());
  show(pictures, "every 16th of the positions nearby", dilated(16) | window(128, 128));
  show(pictures, "documents that are packed into one sequence", document(ids) | causal());
  show(pictures, "a batch filled up on the right, on the left", padding(300) || left_padding(450));
  show(pictures, "a tree of proposed tokens: 64 in a row, then four branches of 64", ancestors(parents, positions));
  show(pictures, "blocks in compressed rows", block_sparse(blocks.rows, blocks.columns, 64));
  show(pictures, "a mask in memory", mask(bhsd(picture.get(), 1, 1, positions, positions)));
  show(pictures, "combined", (causal() && window(80, 0)) || (padding(64) && !left_padding(32)));
  show(
      pictures, "a function: each tile has to be asked", causal() | [](Coord c) { return c.query / 64 % 2 == 0; });

  const std::string path = argc > 1 ? argv[1] : "masks.pgm";
  pictures.write(path);
  std::printf("\nas a picture: %s\n", path.c_str());
}
