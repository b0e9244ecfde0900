#!/usr/bin/env bash
# Whether what is under deploy/ would be accepted, as far as can be told without a cluster or a daemon: manifests and
# compose file against their schemas, and every setting against the code that is to read it.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
work=$PWD/target/deploy-check
suite=trixie
kubernetes=1.32

fail() {
  echo "deploy-check: $*" >&2
  exit 1
}

# The URL of the Debian mirror that this machine uses.
mirror() {
  find /etc/apt -name '*.list' -o -name '*.sources' | sort | xargs -r grep -hE '^(deb|URIs:) ' |
    grep -oE '[^ ]+:/[^ ]+/debian/?( |$)' | sed -n 1p
}

# from_debian PACKAGE PATH: a program out of a Debian package that is unpacked, not installed. apt's state is our own:
# the machine's sources and lists stay as they are.
from_debian() {
  local package=$1 directory=$tools/$1 state=$tools/apt sources
  local program=$directory/$2
  if [ ! -x "$program" ]; then
    if ! command -v apt-get >/dev/null || ! sources=$(mirror); then
      echo "deploy-check: this machine has no apt with a Debian mirror"
      return 1
    fi
    mkdir -p "$directory" "$state"/lists/partial "$state"/cache/archives/partial
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $sources $suite main" >"$state/sources.list"
    cat >"$state/apt.conf" <<CONFIG
Dir::State "$state";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Sandbox::User "$(id -un)";
CONFIG
    (
      export APT_CONFIG=$state/apt.conf
      cd "$directory"
      apt-get update -qq && apt-get download -qq "$package" && dpkg-deb -x "$package"_*.deb . && rm ./*.deb
    ) || return 1
  fi
} >&2

if command -v kubectl >/dev/null; then
  kubectl=kubectl
else
  from_debian kubectl usr/bin/kubectl ||
    fail "kubectl is neither on PATH nor to be had from Debian $suite: install kubectl $kubernetes or later"
  kubectl=$tools/kubectl/usr/bin/kubectl
fi

if docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
else
  from_debian docker-compose usr/libexec/docker/cli-plugins/docker-compose ||
    fail "docker has no compose, nor is it to be had from Debian $suite: install docker compose 2"
  compose=("$tools/docker-compose/usr/libexec/docker/cli-plugins/docker-compose")
fi

validate=$tools/kubernetes-validate/bin/kubernetes-validate
if [ ! -x "$validate" ]; then
  python3 -m venv "$tools/kubernetes-validate" ||
    fail "python3 cannot make a virtual environment: install python3 and its venv module"
  "$tools/kubernetes-validate/bin/pip" install -q --disable-pip-version-check kubernetes-validate==1.37.0 ||
    fail "kubernetes-validate 1.37.0 cannot be installed with pip: see above"
fi

# valid FILE: whether each of its objects is. A kind without a schema is merely warned of, and would go unseen.
valid() {
  "$validate" --strict -k $kubernetes "$1" >"$1.log" 2>&1 && ! grep -q WARN "$1.log"
}

# A copy, without the secrets that this installation may have: the check makes some to throw away.
rm -rf "$work"
mkdir -p "$work"
tar --exclude='./deploy/secrets/*.env' -cf - ./deploy | tar -C "$work" -xf -
cd "$work"

deploy/make-secrets.sh >/dev/null
[ -z "$(find deploy/secrets -name '*.env' -perm /077)" ] || fail "make-secrets.sh lets others read the secrets"
! deploy/make-secrets.sh 2>/dev/null || fail "make-secrets.sh replaces secrets"

for overlay in dev production; do
  "$kubectl" kustomize "deploy/k8s/overlays/$overlay" >"$overlay.yaml" || fail "$overlay cannot be rendered"
  valid "$overlay.yaml" || {
    grep -v '^INFO' "$overlay.yaml.log" >&2
    fail "$overlay is not valid"
  }
  echo "$overlay: $(grep -c passed "$overlay.yaml.log") objects are valid in Kubernetes $kubernetes"
done

# A check that cannot fail checks nothing.
for field in terminationGracePeriodSeconds readinessProbe podSelector maxUnavailable ttlSecondsAfterFinished; do
  sed "s/$field:/${field}x:/" production.yaml >misspelt.yaml
  ! cmp -s production.yaml misspelt.yaml || fail "production does not set $field"
  ! valid misspelt.yaml || fail "${field}x is accepted: the validation is blind"
done
echo "misspelt fields are refused"

"${compose[@]}" --file deploy/compose.yaml config >compose.yaml || fail "compose.yaml is not valid"
echo "compose: $("${compose[@]}" --file deploy/compose.yaml config --services | wc -l) containers are valid"

# Where media serves a directory itself, its address for clients may be a loopback: accounts needs one of its own.
for deployed in dev compose; do
  grep -Eq 'POSTBREEZE_MEDIA_INTERNAL_URL: http://(postbreeze-)?media:50071$' $deployed.yaml ||
    fail "$deployed does not say where accounts reads media"
done

cd ../..
code=(libs/runtime/src libs/context/src libs/egress/src services/{aggregator,identity,workspaces,posts,media,accounts}/src)
{
  grep -rhoE '"POSTBREEZE_[A-Z_]+"' "${code[@]}" | tr -d '"'
  grep -rhoE 'Peer::read\(\w+, "\w+"\)' "${code[@]}" | sed -E 's/.*"(.*)".*/POSTBREEZE_\U\1_URL/'
} | sort -u >"$work/read"
grep -hoE 'POSTBREEZE_[A-Z_]+' "$work"/{dev,production,compose}.yaml deploy/Dockerfile | sort -u >"$work/set"
unread=$(comm -13 "$work/read" "$work/set")
[ -z "$unread" ] || fail "set, but read by no service:" $unread
echo "settings: $(wc -l <"$work/set") are set, and the code reads each"
