#!/usr/bin/env bash
# What a compiler takes for a file that calls attention() once: plain, with each of the library's stages alone, and with
# five of them composed. User seconds, the least of several runs, at plain -O2.
#
#     bench/compile_time.sh [compiler [runs [case...]]]      bench/compile_time.sh clang++ 4 plain causal
#
# EIGEN: where Eigen's headers are (/usr/include/eigen3).
set -euo pipefail
compiler=${1:-c++} runs=${2:-4}
shift $(($# < 2 ? $# : 2))
include=$(cd "$(dirname "$0")/../include" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# name, then the fifth argument of the call; `floats`, `ints`, `bools`, `words` are vectors of zeros.
cases='nothing
plain
causal rapt::causal()
padding rapt::padding(ints)
prefix_lm rapt::prefix_lm(ints)
chunk_local rapt::chunk_local(8)
dilated rapt::dilated(2)
document rapt::document(ints)
mask rapt::mask(rapt::bhsd(bools.data(),1,1,8,8))
bit_mask rapt::bit_mask(rapt::bhsd(words.data(),1,1,8,1))
ancestors rapt::ancestors(parents)
block_sparse rapt::block_sparse(ints,ints,64)
softcap rapt::softcap(50)
alibi rapt::alibi(floats)
bias rapt::bias(rapt::bhsd(floats.data(),1,1,1,8))
relative_bias rapt::relative_bias(rapt::row_major(floats.data(),1,8),7,0)
scale_by_head rapt::scale_by_head(floats)
sinks rapt::sinks(floats)
function [](float s,rapt::Coord c){return s-0.1f*static_cast<float>(c.query-c.key);}
mask_function [](rapt::Coord c){return c.key%3!=0;}
five_changes rapt::softcap(50)|rapt::alibi(floats)|rapt::bias(rapt::bhsd(floats.data(),1,1,1,8))|rapt::sinks(floats)|rapt::causal()
five_masks rapt::document(ints)|rapt::padding(ints)|rapt::mask(rapt::bhsd(bools.data(),1,1,8,8))|rapt::block_sparse(ints,ints,64)|rapt::causal()'

least_seconds() {  # of compiling a file
  local least=
  for ((i = 0; i < runs; ++i)); do
    local seconds
    TIMEFORMAT=%U
    seconds=$({ time "$compiler" -std=c++20 -O2 -I"$include" -isystem "${EIGEN:-/usr/include/eigen3}" -c "$1" -o "$1.o"; } 2>&1)
    if [[ -z $least ]] || awk "BEGIN { exit !($seconds < $least) }"; then least=$seconds; fi
  done
  echo "$least"
}

printf '%-16s %8s %10s   %s\n' case seconds 'over plain' "($("$compiler" --version | head -1))"
plain=
while read -r name score; do
  [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
  file=$folder/$name.cpp
  {
    echo '#include <cstdint>'
    echo '#include <vector>'
    echo '#include <rapt/rapt.hpp>'
    [[ $name == nothing ]] || cat <<END
const std::vector<float> floats(8);
const std::vector<std::int32_t> ints(8), parents(8, -1);
const std::vector<unsigned char> memory(64);
const struct { const bool* data() const { return reinterpret_cast<const bool*>(memory.data()); } } bools;
const std::vector<std::uint64_t> words(8);
void attend(const float* q, const float* k, const float* v, float* out) {
  rapt::attention(rapt::bhsd(q, 1, 1, 8, 64), rapt::bhsd(k, 1, 1, 8, 64), rapt::bhsd(v, 1, 1, 8, 64),
                  rapt::bhsd(out, 1, 1, 8, 64)${score:+, $score});
}
END
  } > "$file"
  seconds=$(least_seconds "$file")
  [[ $name != plain ]] || plain=$seconds
  printf '%-16s %8s %10s   %s\n' "$name" "$seconds" "$(awk "BEGIN { if (\"$plain\" != \"\") printf \"%+.2f\", $seconds - ${plain:-0} }")" "${score:-}"
done <<< "$cases"
