#!/usr/bin/env bash
# Unpacks a real server of the Mastodon API (snac) from a Debian package into target/tools/networks/snac, for the tests of
# networks. Once unpacked it is there for every later run. Where it cannot be had it says so and ends well: those tests then
# say themselves that they were skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
directory=$PWD/target/tools/networks/snac
suite=trixie

skip() {
  echo "SKIPPED: no Mastodon server to test against: $*" >&2
  exit 0
}

[ -f "$directory/installed" ] && exit 0
for tool in apt-get dpkg-deb ldd; do
  command -v $tool >/dev/null || skip "$tool is missing"
done
# The URL of the Debian mirror that this machine uses.
mirror=$(find /etc/apt -name '*.list' -o -name '*.sources' | sort | xargs -r grep -hE '^(deb|URIs:) ' |
  grep -oE '[^ ]+:/[^ ]+/debian/?( |$)' | sed -n 1p) || true
[ -n "$mirror" ] || skip "this machine has no Debian mirror"

# apt's state is our own: the machine's sources and lists stay as they are.
state=$directory/apt
mkdir -p "$state"/lists/partial "$state"/cache/archives/partial
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$state/sources.list"
cat >"$state/apt.conf" <<CONFIG
Dir::State "$state";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Sandbox::User "$(id -un)";
CONFIG
export APT_CONFIG=$state/apt.conf
cd "$directory"
echo "networks: unpacking a Mastodon server" >&2
{ apt-get update -qq && apt-get download -qq snac2; } || skip "apt could not download it"
dpkg-deb -x snac2_*.deb . && rm snac2_*.deb
missing=$(ldd usr/bin/snac | awk '/not found/ { print $1 }')
[ -z "$missing" ] || skip "it needs" $missing
touch installed
