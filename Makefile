# Valise needs Go and make to build. `make test` sees to the rest by itself.

GO     ?= go
ASSETS := portal/web/assets/generated

# For `make demo`: --listen ADDR, --data DIR and the like; see `bin/valise demo --help`.
DEMO_FLAGS ?=
# For `make test` and `make bench`: what and how. make test TEST=./crypto TEST_FLAGS='-run Chain -v'
TEST        ?= ./...
TEST_FLAGS  ?=
BENCH       ?= .
BENCH_FLAGS ?=

.PHONY: build
build: assets ## build bin/valise with everything it serves inside
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/valise ./cmd/valise

# Every step is left to a tool that finds out by content whether its input has changed: go build by its cache, pack by
# reading back what it once compressed. So there is no list of sources here that could be wrong, and nothing is done twice.
#
# The WASM is the same bytes wherever it is built from the same sources by the same Go: no paths, no version control in it. There are three:
# for representatives, small; for staff, with what they need besides; and one inside of the offline reader, which pack makes (its name starts with
# a dot, so that it isn't embedded a second time).
BUILD_WASM := GOOS=js GOARCH=wasm $(GO) build -trimpath -buildvcs=false -ldflags '-s -w'

.PHONY: assets
assets: ## build the browser's half: WASM and compressed assets
	@mkdir -p $(ASSETS)
	$(BUILD_WASM) -o $(ASSETS)/valise.wasm ./cmd/valise-wasm
	$(BUILD_WASM) -tags desk -o $(ASSETS)/desk.wasm ./cmd/valise-wasm
	$(BUILD_WASM) -tags reader -o $(ASSETS)/.reader.wasm ./cmd/valise-wasm
	@cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(ASSETS)/wasm_exec.js
	@$(GO) run ./cmd/valise-wasm/pack portal/web/assets

.PHONY: demo
demo: build ## start a whole institution to try out (DEMO_FLAGS="--listen ADDR --data DIR")
	@exec bin/valise demo $(DEMO_FLAGS)

.PHONY: test
test: packages build ## run all tests; installs the programs they need, when it may (TEST=./crypto TEST_FLAGS=-v)
	$(GO) test -timeout 30m $(TEST_FLAGS) $(TEST)

.PHONY: bench
bench: packages build ## run the benchmarks (BENCH=Seal TEST=./crypto BENCH_FLAGS=-benchmem)
	$(GO) test -run '^$$' -bench '$(BENCH)' -timeout 60m -p 1 $(BENCH_FLAGS) $(TEST)

.PHONY: load
load: packages build ## run the load tests with thousands of people; minutes each (LOAD=500, or full; TEST_FLAGS=)
	VALISE_LOAD=$(or $(LOAD),full) $(GO) test -timeout 60m -v -run 'TestACrowd|TestRedisIsLostInACrowd|TestANoticeToTenThousand|TestCouriersAreKilledAmidFaults|TestACourierWithManyQueued' $(TEST_FLAGS) ./cmd/valise

.PHONY: packages
packages: ## see that the programs the tests need are there
	@scripts/test-packages

.PHONY: fmt
fmt: ## format the Go sources
	gofmt -w $(GO_FOLDERS)

# staticcheck has a module file of its own (tools.mod), so that what it stands on is no part of Valise.
.PHONY: check
check: assets ## check format, and for mistakes (gofmt, vet, staticcheck)
	@unformatted=$$(gofmt -l $(GO_FOLDERS)); [ -z "$$unformatted" ] || { echo "not formatted; run make fmt:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet ./cmd/valise-wasm
	GOOS=js GOARCH=wasm $(GO) vet -tags desk ./cmd/valise-wasm
	GOOS=js GOARCH=wasm $(GO) vet -tags reader ./cmd/valise-wasm
	$(GO) tool -modfile=tools.mod staticcheck ./...

GO_FOLDERS := cmd crypto portal templates

.PHONY: clean
clean: ## remove what was built
	rm -rf bin build $(ASSETS)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "%-10s %s\n", $$1, $$2}'
