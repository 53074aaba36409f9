#!/usr/bin/env bash
# Simulates clusters for a given time and writes what was seen:
#
#   eng/nightly.sh [MINUTES] [FIRST_SEED]   default: 480 minutes from a seed made of today's date
#   eng/nightly.sh seeds N [FIRST_SEED]     so many seeds, however long they take
#   eng/nightly.sh hashes N [FIRST_SEED]    each seed twice in Release and twice in Debug: all four alike
#
# The report (artifacts/nightly/report.txt) says seeds, simulated hours, operations, faults by kind and the places in the
# code that took their rarer way. A failing seed is printed with its faults and its last events, and made smaller.
# The last line says how it went; exit code 1 when a seed failed.
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

project=tests/Kv.Simulation
folder=artifacts/nightly
program() { printf '%s/bin/%s/net10.0/Kv.Simulation' "$project" "$1"; }

usage() {
  stop "usage: eng/nightly.sh [MINUTES] [FIRST_SEED] | seeds N [FIRST_SEED] | hashes N [FIRST_SEED]"
}

check_number() {
  [[ "$1" =~ ^[1-9][0-9]*$ ]] || usage
}

# What ended, by exit code.
finish() {
  local what=$1 exit_code=$2
  if [ "$exit_code" -eq 0 ]; then
    say "$what: passed after $SECONDS s (report: $folder/report.txt)"
  else
    say "$what: FAILED after $SECONDS s (whole output: $folder/output.txt)"
  fi
  exit "$exit_code"
}

run() {
  local what=$1 exit_code=0
  shift
  "$(program Release)" --report "$folder/report.txt" "$@" 2>&1 | tee "$folder/output.txt" || exit_code=1
  finish "$what" "$exit_code"
}

# Hashes of all seeds, one per line and in their order, as a build gives them.
hashes() {
  local configuration=$1 output=$2
  "$(program "$configuration")" --seed "$first" --count "$count" --twice --hashes --no-shrink >"$output" || {
    grep -vE '^seed [0-9]+: [0-9]+ events' "$output" >&2
    stop "$configuration: a seed failed or ran differently the second time (whole output: $output)"
  }
  sed -n 's/^seed \([0-9]*\): .* trace \(0x[0-9a-f]*\)$/\1 \2/p' "$output" | sort -n
}

eng/setup.sh
say "building"
build_release "$project"
mkdir -p "$folder"
SECONDS=0
case "${1:-}" in
  seeds)
    check_number "${2:-}"
    check_number "${3:-1}"
    run "$2 seeds" --seed "${3:-1}" --count "$2"
    ;;
  hashes)
    count=${2:-}
    first=${3:-1}
    check_number "$count"
    check_number "$first"
    dotnet build "$project" -c Debug --no-restore -v q --nologo >"$folder/debug-build.log" 2>&1 ||
      stop "the Debug build fails (whole output: $folder/debug-build.log)"
    hashes Release "$folder/hashes-release.out" >"$folder/hashes-release.txt"
    hashes Debug "$folder/hashes-debug.out" >"$folder/hashes-debug.txt"
    alike=$(comm -12 <(sort "$folder/hashes-release.txt") <(sort "$folder/hashes-debug.txt") | wc -l)
    say "$alike of $count seeds: the same trace hash twice in Release and twice in Debug, after $SECONDS s"
    [ "$alike" -eq "$count" ] || exit 1
    ;;
  *)
    minutes=${1:-480}
    first=${2:-$(date +%Y%m%d)00000}
    check_number "$minutes"
    check_number "$first"
    run "$minutes minutes" --seed "$first" --minutes "$minutes"
    ;;
esac
