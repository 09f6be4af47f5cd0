SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Tools of exact versions. A tool's file carries its version, so that another version is another file.
GOTESTSUM := bin/gotestsum-v1.13.0
GOLANGCI_LINT := bin/golangci-lint-v2.6.2

# make test PKG=./internal/store/... TESTFLAGS='-run TestInTx -v'
PKG ?= ./...
TESTFLAGS ?=
export GOTESTSUM_FORMAT ?= pkgname

# What go generate writes, wholly or in part.
GENERATED := graph ent resolvers docs examples/go/billing

POSTGRES := scripts/postgres run --

# Only the tests of pages need a browser.
BROWSER_TESTS = go list -f '{{join .TestImports " "}} {{join .XTestImports " "}}' $(PKG) | grep chromedp >/dev/null
# A test that finds something missing fails, instead of being left out.
export TEST_LEAVES_NOTHING_OUT := 1

TEST = if $(BROWSER_TESTS); then chromium=$$(scripts/chromium); export CHROMIUM=$$chromium; fi; $(POSTGRES) $(GOTESTSUM) --format-hide-empty-pkg --

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the API with the embedded database and the Stripe sandbox
	go run .

.PHONY: build
build: ## Build bin/tallystick
	CGO_ENABLED=0 go build -trimpath -o bin/tallystick .

.PHONY: test
test: $(GOTESTSUM) ## Run all tests, on SQLite and on a PostgreSQL of their own (PKG=, TESTFLAGS=)
	@$(TEST) $(TESTFLAGS) $(PKG)

.PHONY: test-race
test-race: $(GOTESTSUM) ## The same under the race detector: far slower, since SQLite is Go code too
	@$(TEST) -race -timeout 30m $(TESTFLAGS) $(PKG)

.PHONY: torture
torture: ## Look for what breaks the promise, for TORTURE_MINUTES (10)
	@$(POSTGRES) scripts/torture

.PHONY: fuzz
fuzz: ## Give parsers and the transport random input, for FUZZ_SECONDS (5) each
	@scripts/fuzz

.PHONY: incidents
incidents: $(GOTESTSUM) ## Replay what went wrong in other projects, a line for each
	@$(POSTGRES) $(GOTESTSUM) --format testdox -- -count=1 ./internal/incidents

.PHONY: sandbox-check
sandbox-check: ## Hold the sandbox to recordings, the spec and quickstarts; with STRIPE_TEST_KEY to Stripe itself
	@scripts/sandbox-check/run

.PHONY: clients
clients: ## Generate clients with the tools that people use, and run them and the examples against the sandbox
	@scripts/clients/run

.PHONY: bench
bench: ## Run the benchmarks
	$(POSTGRES) go test -run '^$$' -bench . -benchmem ./internal/...

.PHONY: bench-peers
bench-peers: ## Compare nested reads with Mercurius and with a handler written by hand
	@$(POSTGRES) scripts/bench/run peers

.PHONY: bench-lists
bench-lists: ## Time each list with 10,000 customers and with 1,000,000
	@$(POSTGRES) scripts/bench/run lists

.PHONY: bench-signups
bench-signups: ## Compare sign-ups with the rows that pgbench inserts
	@$(POSTGRES) scripts/bench/run signups

.PHONY: bench-webhooks
bench-webhooks: ## Take in 500 events a second, and 10,000 at once
	@$(POSTGRES) scripts/bench/run webhooks

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Check style, bugs, formatting and which package may import which
	$(GOLANGCI_LINT) run ./...
	cd examples/go && ../../$(GOLANGCI_LINT) run ./...

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format all Go code
	$(GOLANGCI_LINT) fmt ./...

.PHONY: generate
generate: ## Write the generated code anew from ent/schema, schema.graphql and the state table
	go generate ./...
	cd examples/go && go generate ./...

.PHONY: migration
migration: ## Write the migration from the last one to ent/schema, for both dialects (name=)
	@[[ -n '$(name)' ]] || { echo 'Name the change: make migration name=add_customer_phone' >&2; exit 2; }
	$(POSTGRES) go run ./ent/migrate/diff $(name)

.PHONY: check
check: generate ## Fail when generated code or migrations differ from what is committed
	$(POSTGRES) go run ./ent/migrate/diff drift
	@changed=$$(git status --porcelain -- $(GENERATED)); \
	if [[ -n $$changed ]]; then \
		git diff -- $(GENERATED) | head -n 200 || true; \
		echo 'Not as generated. Commit the result of make generate; replace a drift migration by make migration name=…:' >&2; \
		echo "$$changed" >&2; \
		exit 1; \
	fi

.PHONY: clean
clean: ## Remove what was built, the tools included; ./data stays
	rm -rf bin .cache

$(GOTESTSUM):
	GOBIN=$(CURDIR)/bin go install gotest.tools/gotestsum@$(lastword $(subst -v, v,$@))
	@mv bin/gotestsum $@

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(lastword $(subst -v, v,$@))
	@mv bin/golangci-lint $@
