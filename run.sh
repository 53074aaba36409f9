#!/usr/bin/env bash
# One command: sets up, builds what the tour needs, and runs the tour on a cluster of three store processes.
#
#   ./run.sh         exit code 0 only if every check of the tour held
#   ./run.sh --keep  leaves the cluster up and prints how to talk to it
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/eng/environment.sh"

eng/setup.sh --run-only
build_release eng/run.slnf

export KVSERVER_PATH="$PWD/src/Kv.Server/bin/Release/net10.0/kvserver"
tour="$PWD/samples/Kv.Tour/bin/Release/net10.0/Kv.Tour"
if [ ! -x "$tour" ]; then
  say "built $KVSERVER_PATH; the tour is not part of this version"
  exit 0
fi

exec "$tour" "$@"
