#!/usr/bin/env bash
# One command: sets up, builds what the tour needs, and runs the tour on a cluster of three store processes.
#
#   ./run.sh         exit code 0 only if every check of the tour held
#   ./run.sh --keep  leaves the cluster up and prints how to talk to it
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/eng/environment.sh"

eng/setup.sh --run-only

# The analyzers have their say in every other build.
build_release eng/run.slnf -p:RunAnalyzers=false
say "built after $SECONDS s"

export KVSERVER_PATH="$PWD/src/Kv.Server/bin/Release/net10.0/kvserver"
exec samples/Kv.Tour/bin/Release/net10.0/Kv.Tour "$@"
