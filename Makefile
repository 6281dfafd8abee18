# Cardea. Bare `make` prints this help. CI runs exactly `make test`.
.DEFAULT_GOAL := help
.PHONY: help run test check postgres mongo proof e2e bench lighthouse oracle fuzz shape ui lint setup generate

BIN := .cache/bin

help: ## print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9_-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start a server with demo data at http://localhost:8420
	go run ./cmd/cardea serve --dev

test: setup lint ## install what the tests need, then run everything, our code with the race detector
	scripts/test

check: ## the quick part: format, vet, tests without the race detector
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt"; exit 1; }
	go vet ./...
	go test -short ./...

postgres: setup ## the tests of every domain on PostgreSQL
	scripts/postgres

proof: setup ## the long form of every test of faults, ROUNDS (default 20) of each, as a table; see docs/reliability.md
	scripts/proof $(or $(ROUNDS),20)

mongo: ## what is run on MongoDB (CARDEA_TEST_MONGO_URI), or on what stands in for it
	scripts/mongo

e2e: setup ## clients that nobody here wrote, against the real binary
	scripts/e2e

bench: ## speed beside a bare net/http answer, in the same run; see docs/benchmarks.md
	scripts/bench
	scripts/bench engines -seconds 2

oracle: ## the decision engine against its oracle, CASES (default 5000000) answers for each property
	CARDEA_ORACLE=$(or $(CASES),5000000) go test ./internal/authz/graph -run TestProperty -timeout 60m -count 1

fuzz: ## fuzz every parser for TIME (default 30s) each
	scripts/fuzz $(or $(TIME),30s)

shape: ## size and depth of the house, as a table
	go run ./tools/shape

lighthouse: ## how fast and accessible the pages are, in a real browser; see docs/benchmarks.md
	scripts/lighthouse

ui: ## build the pages that people see into web/dist, which is committed
	scripts/ui

lint: ## gofmt, vet, staticcheck, govulncheck
	scripts/lint

setup: ## install what the tests need (as root on Debian; elsewhere it says what to install)
	@scripts/setup

generate: ## make generated files anew
	go generate ./...
