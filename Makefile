# The only door. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := bash
export SQLX_OFFLINE := true

WITH_POSTGRES := cargo run -q --locked -p postbreeze-testkit --bin with-postgres --

.PHONY: help
help: ## List what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: run
run: ## Start everything in one process on a Postgres of its own, at 127.0.0.1:50051
	cargo run --locked -p postbreeze-standalone

.PHONY: demo
demo: ## Play the example of the README against a running system
	scripts/tools.sh buf
	demo/demo.sh

.PHONY: run-services
run-services: ## Start the six services as processes of their own, as production does
	cargo build --locked --workspace --bins
	$(if $(POSTBREEZE_DATABASE_URL),,target/debug/with-postgres --keep .postbreeze/services --) scripts/run-services.sh

.PHONY: lint
lint: ## Format, clippy, protos, layout
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	scripts/tools.sh buf
	node_modules/.bin/buf lint proto
	node_modules/.bin/buf format --diff --exit-code proto
	scripts/check-layout.sh

.PHONY: test
test: ## Every test, on a Postgres that comes and goes with the run
	scripts/tools.sh nextest
	scripts/networks/pds.sh
	scripts/networks/snac.sh
	cargo build --locked --workspace --bins
	$(WITH_POSTGRES) cargo nextest run --workspace --locked
	cargo test --locked --workspace --doc -q

.PHONY: chaos
chaos: ## Thousands of posts that come due while processes are killed, the database crashes and answers are lost
	scripts/tools.sh nextest
	cargo build --locked --workspace --bins
	$(WITH_POSTGRES) cargo nextest run --workspace --locked --run-ignored only

.PHONY: bench
bench: ## Speed, as ratios against references of the same run (release build)
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p postbreeze-bench

.PHONY: sqlx
sqlx: ## Write anew what the query macros know of each database
	$(WITH_POSTGRES) env -u SQLX_OFFLINE scripts/sqlx-prepare.sh

.PHONY: deploy-check
deploy-check: ## Render the Kubernetes manifests and validate them strictly
	scripts/deploy-check.sh

.PHONY: fmt
fmt: ## Format everything
	cargo fmt --all
	scripts/tools.sh buf
	node_modules/.bin/buf format -w proto
