// A region's score changes behind plain pointers. Included once for each region by changes_test.cpp.
RAPT_REGION_OPEN

template <class T, class S>
RAPT_NOINLINE void change_tile_of_lanes(const S& stage, const rapt_test::changes_test::Tile& tile, T* scores) {
  change_lanes<T>(stage, LaneCoords{{tile.batch, tile.first_key, tile.first_query, tile.head, tile.position}},
                  tile.count, scores);
}
template <class T, class S>
RAPT_NOINLINE void change_tile_of_row(const S& stage, const rapt_test::changes_test::Tile& tile, T* scores) {
  change_row<T>(stage, RowCoords{{tile.batch, tile.first_key, tile.first_query, tile.head[0], tile.position[0]}},
                tile.count, scores);
}
template <class T, class S> constexpr rapt_test::changes_test::Changes<T, S> changes_of_region() {
  return {group_lanes<T>, &change_tile_of_lanes<T, S>, &change_tile_of_row<T, S>};
}

RAPT_REGION_CLOSE
