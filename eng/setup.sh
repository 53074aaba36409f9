#!/usr/bin/env bash
# Gets a machine ready: checks the .NET SDK, installs the Debian packages that are missing, restores NuGet packages.
# Does nothing, and needs no network, when everything is there.
#
#   eng/setup.sh             everything that building and testing needs
#   eng/setup.sh --run-only  only what ./run.sh needs
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

run_only=false
case "${1:-}" in
  "") ;;
  --run-only) run_only=true ;;
  *) stop "unknown argument '$1'; use no argument or --run-only" ;;
esac

check_sdk() {
  local wanted
  wanted=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' global.json)
  command -v dotnet >/dev/null 2>&1 || stop "no 'dotnet' in PATH: install the .NET SDK $wanted or a later feature band"
  dotnet --version >/dev/null 2>&1 \
    || stop "global.json asks for the .NET SDK $wanted or a later feature band; installed: $(dotnet --list-sdks | awk '{print $1}' | paste -sd' ' -)"
}

has_rocksdb() {
  # Not `ldconfig -p | grep -q`: grep would close the pipe early and pipefail take that for a failure.
  local libraries
  libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
  case "$libraries" in
    *librocksdb.so.7* | *librocksdb.so\ *) return 0 ;;
    *) return 1 ;;
  esac
}

# The interpreters that the tests try, in the same order.
has_python_module() {
  local python
  for python in /usr/bin/python3 python3; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "import $1" >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

# Prints the Debian packages that are missing, one a line.
missing_packages() {
  has_rocksdb || echo librocksdb7.8
  if ! $run_only; then
    has_python_module grpc || echo python3-grpcio
    has_python_module google.protobuf || echo python3-protobuf
    command -v protoc >/dev/null 2>&1 || echo protobuf-compiler
    command -v grpc_python_plugin >/dev/null 2>&1 || echo protobuf-compiler-grpc
    command -v strace >/dev/null 2>&1 || echo strace
  fi
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi

  if [ "$(id -u)" -ne 0 ]; then
    stop "missing, and installing needs root: apt-get install ${missing[*]}"
  fi
  if [ ! -e /etc/debian_version ] || ! command -v apt-get >/dev/null 2>&1; then
    stop "missing, and this is not Debian; install what these Debian packages hold: ${missing[*]}"
  fi

  say "installing ${missing[*]}"
  local log=artifacts/apt-get.log
  mkdir -p artifacts
  {
    apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    stop "apt-get could not install ${missing[*]} (whole output: $log)"
  }

  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -eq 0 ] || stop "installed, yet still not found: ${missing[*]}"
}

# NuGet finds out by itself, without a network, that nothing has to be fetched.
restore() {
  local attempt log=artifacts/restore.log
  mkdir -p artifacts
  for attempt in 1 2 3; do
    if dotnet restore "$1" -v q >"$log" 2>&1 </dev/null; then
      return
    fi
    [ "$attempt" -eq 3 ] || sleep 2
  done
  tail -n 15 "$log" >&2
  stop "NuGet packages of $1 could not be restored (whole output: $log)"
}

check_sdk
install_packages
if $run_only; then
  restore eng/run.slnf
else
  restore KvStore.sln
fi
