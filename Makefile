# What a newcomer needs: `make demo` to see it, `make test` to check it. Both do all set-up themselves.

MODULE  := github.com/kubectl-harden/kubectl-harden
PREFIX  ?= $(HOME)/.local

# Trivy's packages are built on the new json package, which is an experiment of Go 1.26 and changes in 1.27: go.mod can
# say which Go is too old, but neither that one is too new, nor that an experiment is needed.
export GOEXPERIMENT := jsonv2
# As releases are built: one of Trivy's dependencies would be another library with cgo, so that something else were tested.
export CGO_ENABLED := 0
ifeq ($(filter go1.26.%,$(shell go env GOVERSION 2>/dev/null)),)
export GOTOOLCHAIN := go1.26.8
endif

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
DATE    := $(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS := -X $(MODULE)/internal/cli.version=$(VERSION) -X $(MODULE)/internal/cli.commit=$(COMMIT) -X $(MODULE)/internal/cli.date=$(DATE)

EXE := $(shell go env GOEXE 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo test check build install bench generate screenshot snapshot release verify-snapshot clean \
	prepare lab lab-binaries check-format check-lint check-vet check-imports check-modules check-generated check-shell

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: prepare build lab ## a real cluster with insecure workloads, and the UI on it
	@hack/demo.sh

test: prepare lab-binaries ## all tests, those against a real control plane included
	@[ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] || echo 'tests with real containers are skipped: they need root on Linux'
	HARDEN_LAB=required go -C test/owners test -timeout 10m ./...
	go -C test/netpol test -timeout 10m ./...
	go -C tools/release test ./...
	HARDEN_LAB=required go test -timeout 35m ./...

check: check-format check-lint check-vet check-imports check-modules check-generated check-shell ## formatting, linters, import directions, generated files

# Without -trimpath, which releases have: it would compile every dependency a second time, apart from the tests.
build: ## bin/kubectl-harden
	@echo 'building bin/kubectl-harden, which takes minutes the first time'
	@go build -ldflags '$(LDFLAGS)' -o bin/kubectl-harden$(EXE) ./cmd/kubectl-harden

install: build ## the plugin and its completion into PREFIX/bin (default ~/.local/bin)
	install -d '$(PREFIX)/bin'
	install -m 0755 bin/kubectl-harden$(EXE) hack/kubectl_complete-harden '$(PREFIX)/bin/'
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "note: $(PREFIX)/bin is not on PATH, so kubectl does not find the plugin yet" ;; esac

bench: ## benchmarks
	go test -run '^$$' -bench . -benchmem -timeout 30m ./...

generate: ## what is generated from the code: docs/rules, docs/commands.md, the keys of docs/tui.md
	go generate ./...
	go run ./hack/gendocs

screenshot: prepare build lab lab-binaries ## the pictures of the UI in docs/img (needs tmux)
	@hack/prepare.sh tmux
	@hack/screenshot.sh

snapshot: prepare ## what a release would publish, into dist/, and a trial of it
	@hack/release.sh --snapshot
	@$(MAKE) --no-print-directory verify-snapshot

release: prepare ## a draft of the release of this commit's tag, on GitHub
	@hack/release.sh

verify-snapshot: lab-binaries ## whether what is in dist/ installs and works
	@hack/verify-snapshot.sh

clean: ## what was built in the tree; caches outside of it stay
	rm -rf bin build dist

prepare:
	@hack/prepare.sh go git

lab:
	@go build -o bin/lab$(EXE) ./test/lab/cmd/lab

# Minutes the first time, saying how far it is; nothing afterwards.
lab-binaries: lab
	@hack/prepare.sh containers
	@bin/lab build

check-format:
	@tool=$$(hack/tool.sh gofumpt) || exit 1; out=$$("$$tool" -d . 2>&1); \
	if [ -n "$$out" ]; then echo "$$out"; echo 'not formatted: run gofumpt -w (hack/tool.sh gofumpt prints where it is)'; exit 1; fi

check-lint:
	@tool=$$(hack/tool.sh golangci-lint) && set -x && "$$tool" run ./...

check-vet:
	go vet ./...

check-imports:
	go test ./internal/

check-modules:
	go mod tidy -diff
	go -C tools mod tidy -diff
	go -C tools/release mod tidy -diff
	go -C test/owners mod tidy -diff
	go -C test/netpol mod tidy -diff

# Compares with a copy rather than with git, so that documents may be edited while this runs.
check-generated:
	@old=$$(mktemp -d) && trap 'rm -rf "$$old"' EXIT && cp -R docs "$$old" && $(MAKE) --no-print-directory generate && \
	if ! diff -r "$$old/docs" docs; then echo 'generated files were stale; they are fresh now: commit them'; exit 1; fi

check-shell:
	@if command -v shellcheck >/dev/null; then shellcheck hack/*.sh hack/kubectl_complete-harden .ci/run; else echo 'shellcheck is not installed: scripts not checked'; fi
