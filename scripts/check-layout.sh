#!/usr/bin/env bash
# The rules of the tree that no compiler keeps.
set -uo pipefail
cd "$(dirname "$0")/.."
broken=0
rule() { # rule NAME FINDINGS
  [ -z "$2" ] && return
  printf '%s:\n%s\n' "$1" "$2" >&2
  broken=1
}
rule "files of more than 500 lines" \
  "$(git ls-files '*.rs' | xargs wc -l | awk '$2 != "total" && $1 > 500 { print "  " $2 " has " $1 }')"
rule "SQL outside of store" \
  "$(git grep -nE 'sqlx::(query|PgPool)' -- 'services/*/src/rpc*' 'services/*/src/rpc/**')"
rule "gRPC inside of store" "$(git grep -n 'tonic::' -- 'services/*/src/store*' 'services/*/src/store/**')"
rule "mod.rs files" "$(git ls-files '*mod.rs' | grep -E '(^|/)mod\.rs$')"
rule "paths of one machine" "$(git grep -nIE '(^|[^a-z.])/(work|root|home)/' -- . ':!*.lock' ':!scripts/check-layout.sh')"
exit $broken
