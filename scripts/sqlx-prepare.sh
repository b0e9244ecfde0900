#!/usr/bin/env bash
# Writes what the query macros must know of each database, so that a build needs none: services/*/.sqlx.
# Run it through `make sqlx`, which brings a Postgres along.
set -euo pipefail
cd "$(dirname "$0")/.."
for config in services/*/sqlx.toml; do
  service=$(dirname "$config")
  name=$(basename "$service")
  variable=$(sed -n 's/^database-url-var = "\(.*\)"$/\1/p' "$config")
  psql -q "$POSTBREEZE_TEST_DATABASE_URL/postgres" -c "DROP DATABASE IF EXISTS sqlx_$name" -c "CREATE DATABASE sqlx_$name"
  for migration in "$service"/migrations/*.sql; do
    psql -q -v ON_ERROR_STOP=1 "$POSTBREEZE_TEST_DATABASE_URL/sqlx_$name" -f "$migration"
  done
  rm -rf "$service/.sqlx"
  mkdir "$service/.sqlx"
  touch "$service/src/lib.rs"
  env "$variable=$POSTBREEZE_TEST_DATABASE_URL/sqlx_$name" SQLX_OFFLINE_DIR="$PWD/$service/.sqlx" \
    cargo check -q -p "postbreeze-$name"
  echo "$name: $(find "$service/.sqlx" -name '*.json' | wc -l) queries"
done
