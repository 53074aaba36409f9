#!/usr/bin/env bash
# Lays out the code as .editorconfig says, and wraps comments at 120 columns.
#
#   eng/format.sh           changes files
#   eng/format.sh --check   changes nothing, exit code 1 when it would
set -euo pipefail
# shellcheck source=eng/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

case "${1:-}" in
  "")
    # The one that leaves long code lines names them; they are yours to break.
    git ls-files -z --cached --others --exclude-standard '*.cs' | xargs -0 eng/wrap-comments.py || true
    dotnet format whitespace KvStore.sln --no-restore
    dotnet format style KvStore.sln --no-restore
    ;;
  --check)
    dotnet format whitespace KvStore.sln --no-restore --verify-no-changes
    dotnet format style KvStore.sln --no-restore --verify-no-changes
    ;;
  *) stop "unknown argument '$1'; use no argument or --check" ;;
esac
