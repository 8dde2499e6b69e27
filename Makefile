# The two commands to know: `make run` serves, `make test` checks everything.
# `make help` lists the rest.

BIN      := bin/tandem
GO       ?= go
# How long each fuzz target runs: seconds in `make test`, more in `make fuzz`.
FUZZTIME ?= 3s
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)

.PHONY: help run build check lint unit soak fuzz fuzz-smoke test deps deploy-check cluster chaos web web-test e2e bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: build ## build and serve on http://localhost:5000 (ARGS="--port 8080" for flags)
	./$(BIN) serve $(ARGS)

build: ## build bin/tandem, page included
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/tandem

check: lint unit ## lint and unit tests, in less than three minutes

lint: ## go vet and golangci-lint
	$(GO) vet -tags soak ./...
	$(GO) run $(LINT) run ./...

unit: ## Go tests but the slow ones, with the race detector
	$(GO) test -race ./...

soak: ## the slow Go tests: fail-overs, outages, bad networks (TANDEM_CHAOS=1 for full counts)
	.ci/soak

fuzz-smoke: ## every fuzz target for a few seconds
	.ci/fuzz $(FUZZTIME)

fuzz: ## every fuzz target for ten minutes
	$(MAKE) fuzz-smoke FUZZTIME=10m

web: ## rebuild the page and the SDK (needs Node); the result is committed
	cd web/client && npm ci --no-audit --no-fund && npm run build
	cd web/app && npm ci --no-audit --no-fund && npm run build
	cd web/docs && npm ci --no-audit --no-fund && npm run build

web-test: ## SDK and page: types, unit tests, and that the committed build is the current one
	.ci/web

e2e: build ## real clients and real browsers against the binary
	.ci/e2e

cluster: build ## several nodes, Redis and a load balancer on this machine (ARGS=3 for three nodes)
	deploy/cluster.sh $(ARGS)

chaos: build ## every fault of a cluster with full counts; writes docs/chaos.md (about half an hour)
	.ci/chaos

deploy-check: ## that the files to deploy with are valid
	.ci/deploy

deps: ## install what the tests need, or say what is missing
	.ci/deps

test: deps ## everything: lint, unit, slow tests, fuzz, page, real clients, real browsers
	$(MAKE) lint
	$(MAKE) deploy-check
	$(MAKE) unit
	$(MAKE) soak
	$(MAKE) fuzz-smoke
	$(MAKE) web-test
	$(MAKE) e2e

bench: build ## Go benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./signaling/...

clean: ## remove what was built
	rm -rf bin
