#!/usr/bin/env bash
# The six services as processes of their own, on the Postgres server of POSTBREEZE_DATABASE_URL. Ctrl-C stops them all;
# so does the end of any of them.
set -euo pipefail
cd "$(dirname "$0")/.."
secrets=.postbreeze/secrets
# Makes them, or adds what those of an earlier release lack; where they are whole it refuses.
deploy/make-secrets.sh "$secrets" >/dev/null 2>&1 || [ -d "$secrets" ]
declare -A ports=([identity]=50061 [workspaces]=50062 [posts]=50063 [media]=50064 [accounts]=50065)
for owner in "${!ports[@]}"; do
  export "POSTBREEZE_${owner^^}_URL=http://127.0.0.1:${ports[$owner]}"
done
export POSTBREEZE_MEDIA_STORE=${POSTBREEZE_MEDIA_STORE:-file://$PWD/.postbreeze/media}
export POSTBREEZE_SELF_SERVICE_PLANS=${POSTBREEZE_SELF_SERVICE_PLANS:-true}
export POSTBREEZE_SANDBOX_COMMANDS=${POSTBREEZE_SANDBOX_COMMANDS:-true}

# become SERVICE [ARGUMENT]: turns this shell into a service, with its own secrets and the server that is there.
become() {
  local url=$POSTBREEZE_DATABASE_URL
  set -a
  # shellcheck source=/dev/null
  . "$secrets/$1.env"
  POSTBREEZE_DATABASE_URL=$url
  exec "target/debug/postbreeze-$1" "${@:2}"
}

for owner in "${!ports[@]}"; do
  (become "$owner" migrate)
done
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
for owner in "${!ports[@]}"; do
  become "$owner" &
done
become aggregator &
echo "Six services run; the door is 127.0.0.1:50051. Ctrl-C stops them."
wait -n
echo "a service has ended: stopping the others" >&2
exit 1
