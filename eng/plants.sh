#!/usr/bin/env bash
# Shows that the simulations can see: plants one known bug after the other (eng/plants.txt), runs seeds until one fails,
# and prints what that took.
#
#   eng/plants.sh [--seeds N] [--jobs N] [SYMBOL...]
#
# N seeds (default 20,000) are the most that a bug may need; without symbols all are planted. Before them comes the build
# without any: it must pass (200 seeds, or N if that is less), and the canary, a lie told to the checkers, must be found.
# Builds go to a folder of their own ($KV_PLANTS, default <temp>/kv-plants). The table is also in
# artifacts/plants.txt. Exit code 1 when a bug was not found.
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

folder=${KV_PLANTS:-${TMPDIR:-/tmp}/kv-plants}
list=eng/plants.txt
seeds=20000
clean_seeds=200
jobs=2
bad=0
wanted=()

usage() {
  stop "usage: eng/plants.sh [--seeds N] [--jobs N] [SYMBOL...]"
}

while [ "$#" -gt 0 ]; do
  case "$1" in
    --seeds | --jobs)
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
      if [ "$1" = --seeds ]; then seeds=$2; else jobs=$2; fi
      shift 2
      ;;
    -*)
      usage
      ;;
    *)
      wanted+=("$1")
      shift
      ;;
  esac
done
[ "$clean_seeds" -le "$seeds" ] || clean_seeds=$seeds

# Prints "symbol|where|what" for each bug to be planted.
planted() {
  local symbol
  sed -e '/^#/d' -e 's/ *| */|/g' "$list" >"$folder/list"
  if [ "${#wanted[@]}" -eq 0 ]; then
    cat "$folder/list"
    return
  fi
  for symbol in "${wanted[@]}"; do
    grep "^$symbol|" "$folder/list" || stop "there is no '$symbol' in $list"
  done
}

# Builds a project with one bug, or with none. Analyzers have nothing to say here.
build() {
  local project=$1 symbol=$2
  dotnet build "tests/$project" -c Release -v q --nologo --artifacts-path "$folder/$project" \
    -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:KvPlant="$symbol" >"$folder/build.log" 2>&1 </dev/null || {
    grep -E 'error [A-Z]+[0-9]+' "$folder/build.log" | sort -u | head -n 20 >&2 || tail -n 20 "$folder/build.log" >&2
    stop "$project does not build with ${symbol:-no bug} (whole output: $folder/build.log)"
  }
}

simulate() {
  dotnet "$folder/Kv.Simulation/bin/Kv.Simulation/release/Kv.Simulation.dll" \
    --jobs "$jobs" --no-shrink --until-failure "$@" </dev/null || true
}

# Prints "seeds|what was seen" of the first seed that fails; nothing when none does.
find_by_simulation() {
  simulate --seed 1 --count "$seeds" | sed -n 's/^found seed [0-9]* after \([0-9]*\) seeds: /\1|/p' | head -n 1
}

# The chaos tests of changing memberships count their seeds from 100,001 on.
find_by_raft_group() {
  KV_RAFT_SEEDS=$seeds dotnet "$folder/Kv.Raft.Tests/bin/Kv.Raft.Tests/release/Kv.Raft.Tests.dll" -noColor -noLogo \
    -method '*Chaos_ChangingMembership*' </dev/null 2>&1 |
    sed -n 's/.*InvalidOperationException : seed 1\([0-9]*\): /\1|/p' | head -n 1 | sed 's/^0*//' || true
}

note() {
  printf '%s | %s | %s | %s\n' "$1" "$2" "$3" "$(printf '%s' "$4" | tr '|' '/' | cut -c1-160)" | tee -a artifacts/plants.txt
}

check_clean() {
  local found
  build Kv.Simulation ""
  found=$(simulate --seed 1 --count "$clean_seeds")
  if [[ "$found" == *"found nothing in $clean_seeds seeds"* ]]; then
    note none "no bug" "$clean_seeds, all passed" ""
  else
    bad=1
    note none "no bug" FAILED "$found"
  fi
  found=$(simulate --seed 1 --count 1 --canary | sed -n 's/^found seed [0-9]* after \([0-9]*\) seeds: /\1|/p')
  [ -n "$found" ] || bad=1
  note canary "a lie told to the checkers" "${found%%|*}" "${found#*|}"
}

mkdir -p "$folder" artifacts
: >artifacts/plants.txt
plants=$(planted)
eng/setup.sh >"$folder/setup.log" 2>&1 || stop "the tools are not there (whole output: $folder/setup.log)"
note symbol what "seeds needed" "caught by"
check_clean
count=0
missed=0
while IFS='|' read -r symbol where what; do
  if [ "$where" = raft ]; then
    build Kv.Raft.Tests "$symbol"
    found=$(find_by_raft_group)
  else
    build Kv.Simulation "$symbol"
    found=$(find_by_simulation)
  fi
  count=$((count + 1))
  if [ -n "$found" ]; then
    note "$symbol" "$what" "${found%%|*}" "$where: ${found#*|}"
  else
    missed=$((missed + 1))
    note "$symbol" "$what" "NOT FOUND in $seeds" ""
  fi
done <<<"$plants"

say "$((count - missed)) of $count planted bugs found, after $SECONDS s"
[ "$missed" -eq 0 ] && [ "$bad" -eq 0 ]
