#!/usr/bin/env bash
# The example of the contract, step by step, against a running system: demo.sh [ADDRESS]
set -euo pipefail
cd "$(dirname "$0")/.."
address=${1:-127.0.0.1:${POSTBREEZE_PORT:-50051}}
secret=

# call SERVICE/RPC [JSON]: one call with the current credential.
call() {
  local headers=()
  [ -z "$secret" ] || headers=(-H "authorization: Bearer $secret")
  node_modules/.bin/buf curl --protocol grpc --http2-prior-knowledge "${headers[@]}" -d "${2:-{\}}" \
    "http://$address/postbreeze.v1.$1"
}

# refused SERVICE/RPC JSON: a call that must be refused; prints why.
refused() {
  local answer
  if answer=$(call "$@" 2>&1); then
    echo "demo: $1 was not refused" >&2
    exit 1
  fi
  echo "$1: $(field .code "$answer"), $(field .message "$answer")"
}

# field PATH JSON: a value out of an answer.
field() {
  node -e 'const [path, json] = process.argv.slice(1);
    console.log(path.split(".").slice(1).reduce((value, key) => value[key], JSON.parse(json)))' "$1" "$2"
}

say() { printf '\n%s\n' "$*"; }

sign_up() {
  secret=
  call UserService/SignUp "{\"email\": \"$1-$RANDOM$RANDOM@example.com\", \"password\": \"a long password\"}"
}

connect() { # connect WORKSPACE HANDLE: a sandbox account
  local state
  state=$(field .state "$(call SocialAccountService/StartConnect "{\"workspaceId\": \"$1\", \"platform\": \"PLATFORM_SANDBOX\"}")")
  field .account.id "$(call SocialAccountService/CompleteConnect "{\"state\": \"$state\", \"code\": \"$2\"}")"
}

workspace() { field .workspace.id "$(call WorkspaceService/CreateWorkspace "{\"name\": \"$1\"}")"; }
post() { field .post.id "$(call PostService/CreatePost "{\"content\": \"$1\", \"platforms\": [{\"accountId\": \"$2\"}]}")"; }

if ! (exec 3<>"/dev/tcp/${address/:/\/}") 2>/dev/null; then
  echo "demo: nothing listens on $address; start the system with 'make run'" >&2
  exit 1
fi

say "A user, one full-access key, two workspaces with an account each"
owner=$(sign_up owner)
session=$(field .sessionToken "$owner")
email=$(field .user.email "$owner")
user=$(field .user.id "$owner")
secret=$session
full=$(field .secret "$(call ApiKeyService/CreateApiKey '{"displayName": "full"}')")
secret=$full
acme=$(workspace Acme)
globex=$(workspace Globex)
acme_account=$(connect "$acme" acme)
globex_account=$(connect "$globex" globex)

say "(1) ListSocialAccounts {} gives both, newest first, each with its workspace"
call SocialAccountService/ListSocialAccounts

say "(2) Each post lands in its account's workspace, unasked"
acme_post=$(post "Acme launch" "$acme_account")
globex_post=$(post "Globex launch" "$globex_account")
call PostService/GetPost "{\"postId\": \"$acme_post\"}"

say "(3) ListSocialAccounts {workspace_id: Acme} gives Acme's alone"
call SocialAccountService/ListSocialAccounts "{\"workspaceId\": \"$acme\"}"

say "(4) ListPosts {} gives both, merged, newest first"
call PostService/ListPosts

say "(5) A key scoped to Acme reads Acme's post, and nothing of Globex"
secret=$session
scoped=$(field .secret "$(call ApiKeyService/CreateApiKey "{\"displayName\": \"scoped\", \"scoped\": {\"workspaceIds\": [\"$acme\"]}}")")
secret=$scoped
call PostService/GetPost "{\"postId\": \"$acme_post\"}" >/dev/null && echo "Acme's post: read"
refused PostService/GetPost "{\"postId\": \"$globex_post\"}"
refused SocialAccountService/GetSocialAccount "{\"accountId\": \"$globex_account\"}"
refused CommentService/ListComments "{\"workspaceId\": \"$globex\"}"

say "(6) The owner joins a third workspace: the full key reaches it on the next call, the scoped key does not"
other=$(field .sessionToken "$(sign_up other)")
secret=$other
third=$(workspace Third)
token=$(field .invitationToken "$(call MemberService/InviteMember "{\"workspaceId\": \"$third\", \"email\": \"$email\", \"role\": \"ROLE_EDITOR\"}")")
secret=$session
call MemberService/AcceptInvitation "{\"invitationToken\": \"$token\"}" >/dev/null
secret=$full
call WorkspaceService/GetWorkspace "{\"workspaceId\": \"$third\"}"
secret=$scoped
refused WorkspaceService/GetWorkspace "{\"workspaceId\": \"$third\"}"

say "Removed from it again, the next call is refused"
secret=$other
call MemberService/RemoveMember "{\"workspaceId\": \"$third\", \"userId\": \"$user\"}" >/dev/null
secret=$full
refused WorkspaceService/GetWorkspace "{\"workspaceId\": \"$third\"}"
say "That is all: one key, many workspaces."
