#!/usr/bin/env bash
# One command: sets up, builds, runs the test projects one after the other (they measure time, and most machines that
# run this have few cores), and ends with one plain line that sums their result files: `N passed, N failed[, N skipped]`.
#
#   ./test.sh                               every test project
#   ./test.sh Kv.Raft.Tests Kv.Base.Tests   only these, and only what they need is built
#
# TEST_TIMEOUT_SECONDS (default 1500) bounds each project. Results, and what the tests printed, are in artifacts/test-results.
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/eng/environment.sh"

timeout_seconds=${TEST_TIMEOUT_SECONDS:-1500}
results=artifacts/test-results

passed=0
failed=0
skipped=0

# A project that has no code yet has nothing to run.
has_code() {
  [ -n "$(find "$1" -name '*.cs' -not -path '*/obj/*' -not -path '*/bin/*' -print -quit)" ]
}

# Prints the names of the projects to run; the real processes of Kv.Cluster.Tests come last.
choose_projects() {
  local folder name
  if [ "$#" -gt 0 ]; then
    for name in "$@"; do
      [ -f "tests/$name/$name.csproj" ] || stop "there is no test project '$name' in tests/"
      printf '%s\n' "$name"
    done
    return
  fi

  for folder in tests/*.Tests; do
    name=$(basename "$folder")
    if [ "$name" != Kv.Cluster.Tests ] && has_code "$folder"; then
      printf '%s\n' "$name"
    fi
  done
  if has_code tests/Kv.Cluster.Tests; then
    printf '%s\n' Kv.Cluster.Tests
  fi
}

build() {
  local name
  if [ "$#" -eq 0 ]; then
    build_release KvStore.sln
    return
  fi
  for name in "$@"; do
    build_release "tests/$name"
  done
}

# The value of one attribute of the <assembly> element; a file that was cut short has none.
assembly_attribute() {
  sed -n 's/.*<assembly [^>]* '"$2"'="\([0-9]*\)".*/\1/p' "$1" | head -n 1
}

# Prints each test with the result $2 (Fail or Skip), with its message or reason and the first lines of its own output.
print_tests() {
  awk -v wanted="$2" '
    function plain(text) {
      gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text)
      gsub(/&#x?[0-9A-Fa-f]+;/, " ", text); gsub(/&amp;/, "\\&", text)
      return text
    }
    function body(text, element,   at) {
      at = index(text, "<" element "><![CDATA[")
      if (at == 0) { return "" }
      text = substr(text, at + length(element) + 11)
      at = index(text, "]]></" element ">")
      return at == 0 ? text : substr(text, 1, at - 1)
    }
    function show(text, most,   lines, count, i) {
      count = split(text, lines, "\n")
      for (i = 1; i <= count && i <= most; i++) { print "      " lines[i] }
      if (count > most) { print "      … " count - most " more lines in the result file" }
    }
    BEGIN { RS = "<test " }
    NR > 1 && index($0, " result=\"" wanted "\"") > 0 {
      match($0, /name="[^"]*"/)
      name = substr($0, RSTART + 6, RLENGTH - 7)
      print "    " (wanted == "Fail" ? "FAILED " : "skipped ") plain(name)
      if (wanted == "Skip") { show(body($0, "reason"), 3) }
      else { show(body($0, "message"), 20); show(body($0, "stack-trace"), 6); show(body($0, "output"), 20) }
    }' "$1"
}

# What a project printed before it ended badly: how it began and how it ended.
show_log() {
  if [ "$(wc -l <"$1")" -le 40 ]; then
    cut -c1-200 "$1"
  else
    head -n 20 "$1" | cut -c1-200
    say "... (whole output: $1)"
    tail -n 20 "$1" | cut -c1-200
  fi | sed 's/^/      /'
}

run_project() {
  local name=$1 file=$results/$1.xml log=$results/$1.log exit_code=0 started=$SECONDS
  local ran bad good left_out errors
  # Killed with everything it started: timeout signals its whole process group.
  timeout --kill-after=20 "$timeout_seconds" \
    "tests/$name/bin/Release/net10.0/$name" -noColor -noLogo -xml "$file" >"$log" 2>&1 </dev/null || exit_code=$?

  good=$(assembly_attribute "$file" passed 2>/dev/null || true)
  bad=$(assembly_attribute "$file" failed 2>/dev/null || true)
  left_out=$(assembly_attribute "$file" skipped 2>/dev/null || true)
  errors=$(assembly_attribute "$file" errors 2>/dev/null || true)
  ran=$((good + bad + left_out))
  if [ "$ran" -eq 0 ]; then
    failed=$((failed + 1))
    if [ "$exit_code" -eq 124 ] || [ "$exit_code" -eq 137 ]; then
      say "  FAILED  $name: stopped after $timeout_seconds s (TEST_TIMEOUT_SECONDS)"
    elif [ -z "$good" ]; then
      say "  FAILED  $name: wrote no results, exit code $exit_code"
    else
      say "  FAILED  $name: ran no test"
    fi
    show_log "$log"
    return
  fi

  if [ $((bad + errors)) -eq 0 ] && [ "$exit_code" -ne 0 ]; then
    errors=1
    say "  $name left with exit code $exit_code though no test failed"
  fi

  passed=$((passed + good))
  failed=$((failed + bad + errors))
  skipped=$((skipped + left_out))
  local verdict="ok    "
  [ $((bad + errors)) -eq 0 ] || verdict=FAILED
  say "  $verdict  $name: $ran tests in $((SECONDS - started)) s: $good good, $bad bad, $left_out left out, $errors errors"
  print_tests "$file" Fail
  print_tests "$file" Skip
  if [ "$errors" -ne 0 ]; then
    show_log "$log"
  fi
}

chosen=$(choose_projects "$@")
[ -n "$chosen" ] || stop "no test project has any code"

eng/setup.sh
# Release: what is tested is what ships, and invariants stay on in it.
say "building"
build "$@"
say "built after $SECONDS s"

rm -rf "$results"
mkdir -p "$results"
for project in $chosen; do
  run_project "$project"
done

say "all done after $SECONDS s"
if [ "$skipped" -gt 0 ]; then
  say "$passed passed, $failed failed, $skipped skipped"
else
  say "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
