#!/usr/bin/env bash
# Alternates Kv.Bench against this system and against a three-member etcd on the same disk, and prints medians as ratios.
# Needs etcd (Debian: apt-get install etcd-server). Usage: bench/compare/etcd.sh [rounds, default 3] [seconds per run, default 5]
# KINDS (default put,get,scan) limits what is measured.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
seconds=${2:-5}
kinds=${KINDS:-put,get,scan}
command -v etcd >/dev/null || { echo "etcd is not installed: apt-get install etcd-server" >&2; exit 1; }
if [ -z "${KVSERVER_PATH:-}" ]; then
  dotnet build -c Release -v q -nologo src/Kv.Server
  dotnet build -c Release -v q -nologo bench/Kv.Bench
fi
KVSERVER_PATH=${KVSERVER_PATH:-$PWD/src/Kv.Server/bin/Release/net10.0/kvserver}
export KVSERVER_PATH
bench=bench/Kv.Bench/bin/Release/net10.0/Kv.Bench
work=$(mktemp -d "${TMPDIR:-/tmp}/kvcompare-XXXXXX")
pids=()
stop_etcd() {
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]:-}"; do [ -n "$pid" ] && wait "$pid" 2>/dev/null || true; done
  pids=()
}
trap 'stop_etcd; rm -rf "$work"' EXIT
start_etcd() {
  local base=$1 cluster="" i
  for i in 0 1 2; do cluster+="m$i=http://127.0.0.1:$((base + i * 2 + 1)),"; done
  for i in 0 1 2; do
    etcd --name "m$i" --data-dir "$work/etcd$i" --listen-client-urls "http://127.0.0.1:$((base + i * 2))" \
      --advertise-client-urls "http://127.0.0.1:$((base + i * 2))" --listen-peer-urls "http://127.0.0.1:$((base + i * 2 + 1))" \
      --initial-advertise-peer-urls "http://127.0.0.1:$((base + i * 2 + 1))" --initial-cluster "${cluster%,}" \
      --initial-cluster-state new --log-level error >"$work/etcd$i.log" 2>&1 &
    pids+=($!)
  done
  sleep 3
}
port=$((20000 + RANDOM % 10000))
echo "# $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(etcd --version | head -1), sync on, all on one machine"
# Both take turns kind by kind, each with a cluster of its own: a machine's speed drifts over minutes.
for round in $(seq "$rounds"); do
  for kind in ${kinds//,/ }; do
    rm -rf "$work"/etcd*
    start_etcd "$port"
    "$bench" --etcd "127.0.0.1:$port,127.0.0.1:$((port + 2)),127.0.0.1:$((port + 4))" \
      --pids "$(IFS=,; echo "${pids[*]}")" --kinds "$kind" --seconds "$seconds" --json "$work/results-etcd.json"
    stop_etcd
    "$bench" --kinds "$kind" --seconds "$seconds" --json "$work/results-kv.json"
  done
done
python3 - "$work" <<'PY'
import json, statistics, sys
def load(path):
    runs = {}
    for line in open(path):
        r = json.loads(line)
        runs.setdefault((r["Kind"], r["Concurrency"]), []).append(r)
    return runs
kv, etcd = load(sys.argv[1] + "/results-kv.json"), load(sys.argv[1] + "/results-etcd.json")
names = {0: "put", 1: "get", 2: "scan"}
print("\nmedians of %d rounds" % min(len(next(iter(kv.values()))), len(next(iter(etcd.values())))))
print("kind  conc   kvstore/s      etcd/s   ratio   kv p50 ms  etcd p50 ms   kv cpu µs  etcd cpu µs   kv RSS MB  etcd RSS MB")
for key in sorted(kv):
    def med(runs, f): return statistics.median(f(r) for r in runs[key])
    rate = lambda r: r["Operations"] / r["Seconds"]
    a, b = med(kv, rate), med(etcd, rate)
    g = lambda runs, name: med(runs, lambda r: r[name])
    print("%-5s %4d %11.0f %11.0f %7.2f %11.3f %12.3f %11.1f %12.1f %11.0f %12.0f" % (names[key[0]], key[1], a, b, a / b,
          g(kv, "P50Ms"), g(etcd, "P50Ms"), g(kv, "CpuMicrosPerOperation"), g(etcd, "CpuMicrosPerOperation"),
          g(kv, "ResidentMegabytes"), g(etcd, "ResidentMegabytes")))
PY
