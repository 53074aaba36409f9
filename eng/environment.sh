#!/usr/bin/env bash
# Sourced by every script here: the repository root as working folder, and a .NET command line that leaves nothing
# running behind it and needs nothing of the user's own configuration.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Without a home folder neither the SDK nor NuGet can run; give them one inside the clone.
export HOME="${HOME:-$PWD/artifacts/home}"
export DOTNET_NOLOGO=1
export DOTNET_CLI_TELEMETRY_OPTOUT=1
export DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export DOTNET_ADD_GLOBAL_TOOLS_TO_PATH=false
export DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
export DOTNET_CLI_USE_MSBUILD_SERVER=0
export MSBUILDDISABLENODEREUSE=1

say() {
  printf '%s\n' "$*"
}

# Builds one project or solution as it ships; further arguments go to the build. Quiet when it goes well; otherwise each
# error once, and where the rest is.
build_release() {
  local target=$1 log=artifacts/build.log
  shift
  mkdir -p artifacts
  dotnet build "$target" -c Release --no-restore -v q --nologo "$@" >"$log" 2>&1 </dev/null || {
    grep -E '(error|warning) [A-Z]+[0-9]+' "$log" | sort -u | head -n 40 >&2 || tail -n 40 "$log" >&2
    stop "$target does not build (whole output: $log)"
  }
}

# Says why on stderr and stops the script.
stop() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
