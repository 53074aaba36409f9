#!/usr/bin/env bash
# Long runs of the real-process tests, for a machine that has time:
#
#   eng/soak.sh kills [N]   N (default 100) random -9 kills under a judged load, in Release
#   eng/soak.sh faults      every place that touches the disk fails with every error, on real processes
#   eng/soak.sh idle        1,000 sleeping regions: CPU time and memory of quiet, and how fast they fail over
#   eng/soak.sh founding [N]  N (default 50) foundings whose founders are killed while they found
#   eng/soak.sh history [N]   N (default 50000) operations on shared keys under kills and pauses, judged as a history
#
# KV_TEST_SEED repeats the kills of an earlier run. Prints what the tests print and ends with one line of summary.
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  stop "usage: eng/soak.sh kills [N] | faults | idle | founding [N] | history [N]"
}

project=tests/Kv.Cluster.Tests
program=$project/bin/Release/net10.0/Kv.Cluster.Tests
log=artifacts/soak.log

case "${1:-}" in
  kills)
    export KV_TEST_KILLS="${2:-100}"
    [[ "$KV_TEST_KILLS" =~ ^[1-9][0-9]*$ ]] || usage
    what="$KV_TEST_KILLS kills"
    classes=(Kv.Cluster.Tests.KillTests)
    ;;
  faults)
    export KV_TEST_FAULTS=all
    what="every disk fault"
    classes=(Kv.Cluster.Tests.Faults.DiskFaultTests Kv.Cluster.Tests.Faults.EngineFaultTests)
    ;;
  idle)
    export KV_TEST_LONG=1
    what="1,000 idle regions"
    classes=(Kv.Cluster.Tests.Idle.IdleRegionsTests)
    ;;
  founding)
    export KV_TEST_FOUNDINGS="${2:-50}"
    [[ "$KV_TEST_FOUNDINGS" =~ ^[1-9][0-9]*$ ]] || usage
    what="$KV_TEST_FOUNDINGS foundings"
    classes=(Kv.Cluster.Tests.Founding.InitTests)
    ;;
  history)
    export KV_TEST_HISTORY="${2:-50000}"
    [[ "$KV_TEST_HISTORY" =~ ^[1-9][0-9]*$ ]] || usage
    what="a history of $KV_TEST_HISTORY operations"
    classes=(Kv.Cluster.Tests.Histories.HistoryTests)
    ;;
  *)
    usage
    ;;
esac

eng/setup.sh
say "building"
build_release "$project"
mkdir -p artifacts
arguments=()
for class in "${classes[@]}"; do
  arguments+=(-class "$class")
done

started=$SECONDS
exit_code=0
"$program" "${arguments[@]}" -noColor -noLogo -showLiveOutput 2>&1 | tee "$log" || exit_code=$?
totals=$(sed -n 's/.*\(Total: [0-9]*, Errors: [0-9]*, Failed: [0-9]*, Skipped: [0-9]*\).*/\1/p' "$log" | tail -n 1)
if [ -z "$totals" ]; then
  stop "$what: the tests ended without a summary, exit code $exit_code (whole output: $log)"
fi

verdict=passed
[ "$exit_code" -eq 0 ] || verdict=FAILED
say "$what: $verdict after $((SECONDS - started)) s ($totals; whole output: $log)"
exit "$exit_code"
