#!/usr/bin/env bash
# make-secrets.sh [DIRECTORY]: makes the secrets of one installation. <service>.env holds what that service may know and
# no more. Existing secrets are never replaced: without the old ones, stored tokens cannot be read. What a later release
# asks for besides is added to them.
set -euo pipefail
umask 077
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
cd "$directory"

base64_key() { openssl rand -base64 32; }
signing_key() { openssl genpkey -algorithm ed25519 -outform DER | openssl base64 -A; }
# An Ed25519 SubjectPublicKeyInfo ends with the 32 bytes of the key.
public_key() {
  openssl base64 -A -d <<<"$1" | openssl pkey -inform DER -pubout -outform DER | tail -c 32 | openssl base64 -A
}

url_key() { echo "POSTBREEZE_MEDIA_URL_KEY=$(base64_key)"; }
lacks() { ! grep -q "^$2=" "$1.env"; }

if compgen -G '*.env' >/dev/null; then
  added=
  for service in media accounts; do
    if lacks "$service" POSTBREEZE_PAGE_TOKEN_KEY; then
      grep '^POSTBREEZE_PAGE_TOKEN_KEY=' identity.env >>"$service.env"
      added+=" $service"
    fi
  done
  if lacks media POSTBREEZE_CONTEXT_SIGNING_KEY; then
    media=$(signing_key)
    sed -i "s#^POSTBREEZE_CONTEXT_PUBLIC_KEYS=.*#&,media/1=$(public_key "$media")#" -- *.env
    echo "POSTBREEZE_CONTEXT_SIGNING_KEY=1=$media" >>media.env
    added+=" media"
  fi
  if lacks media POSTBREEZE_MEDIA_URL_KEY; then
    url_key >>media.env
    added+=" media"
  fi
  if [ -z "$added" ]; then
    echo "make-secrets.sh: $directory holds secrets already; move them away first" >&2
    exit 1
  fi
  echo "$directory: added what these lacked:$added"
  exit
fi

aggregator=$(signing_key)
posts=$(signing_key)
media=$(signing_key)
accounts=$(signing_key)
public=aggregator/1=$(public_key "$aggregator")
public+=,posts/1=$(public_key "$posts")
public+=,media/1=$(public_key "$media")
public+=,accounts/1=$(public_key "$accounts")
password=$(openssl rand -hex 24)

database="POSTBREEZE_DATABASE_URL=postgres://postbreeze:$password@postgres:5432"
page_tokens="POSTBREEZE_PAGE_TOKEN_KEY=$(base64_key)"
tokens="POSTBREEZE_TOKEN_KEY=$(base64_key)"
webhooks="POSTBREEZE_WEBHOOK_KEY=$(base64_key)"
verify="POSTBREEZE_CONTEXT_PUBLIC_KEYS=$public"
sign="POSTBREEZE_CONTEXT_SIGNING_KEY=1="

keep() { printf '%s\n' "${@:2}" >"$1.env"; }
keep aggregator "$page_tokens" "$sign$aggregator"
keep identity "$database" "$verify" "$page_tokens"
keep workspaces "$database" "$verify" "$page_tokens"
keep posts "$database" "$verify" "$page_tokens" "$webhooks" "$sign$posts"
keep media "$database" "$verify" "$page_tokens" "$sign$media" "$(url_key)"
keep accounts "$database" "$verify" "$page_tokens" "$tokens" "$sign$accounts"
keep postgres POSTGRES_USER=postbreeze "POSTGRES_PASSWORD=$password"
echo "$directory: made $(compgen -G '*.env' | wc -l) files"
