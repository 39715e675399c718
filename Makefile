# Penstock's own commands. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
TEST_VENV := .venv-test
BIN := $(VENV)/bin
N ?= 100000
FUZZ_SECONDS ?= 60
KILLS ?= 1000
POSTGRES ?= /usr/lib/postgresql/15/bin
LOCK := requirements.lock

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: demo
demo: build ## Run a generated campaign of N recipients (100,000) from a CSV file to final states
	@$(BIN)/penstock demo --recipients $(N)

.PHONY: build
build: $(VENV)/.built ## Make the virtual environment and build the Rust extension into it

.PHONY: test
test: wheel ## Build the wheel, install it into a clean environment and run the tests
	@rm -rf $(TEST_VENV) && $(PYTHON) -m venv $(TEST_VENV)
	@$(TEST_VENV)/bin/pip install --quiet --require-hashes -r $(LOCK)
	@$(TEST_VENV)/bin/pip install --quiet --no-deps dist/*.whl
	@$(TEST_VENV)/bin/python -m pytest -n 2 -m "not slow"

.PHONY: test-slow
test-slow: $(TEST_VENV)/bin/pytest ## Run the long fault runs (after `make test`)
	@$(TEST_VENV)/bin/python -m pytest -n 2 -m slow

.PHONY: test-postgres
test-postgres: $(TEST_VENV)/bin/pytest ## Run the tests of store and stages on another PostgreSQL (POSTGRES=/usr/lib/postgresql/15/bin)
	@TEST_POSTGRES_BIN=$(POSTGRES) $(TEST_VENV)/bin/python -m pytest -n 2 -q tests/store tests/stages

.PHONY: torture
torture: $(TEST_VENV)/bin/pytest ## Kill everything at random moments of campaigns, KILLS (1000) times, and count what is lost
	@KILLS=$(KILLS) $(TEST_VENV)/bin/python -m tests.e2e.torture

.PHONY: check
check: build ## Format, lint, types, import contracts, Rust format, clippy and tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m mypy.stubtest penstock._core
	@cargo fmt --all --check
	@cargo clippy --quiet --workspace --all-targets -- -D warnings
	@cargo test --quiet

.PHONY: bench
bench: build ## Run the benches (BENCH_SCALE=tiny for a quick look)
	@$(BIN)/python bench/run.py

.PHONY: load
load: build ## Run the load profiles with locust against embedded servers and the simulator (BENCH_SCALE=tiny: a tenth)
	@$(BIN)/python bench/load.py

.PHONY: bench-micro
bench-micro: build ## Time the core's functions beside Python's best, one by one (fails when a target is missed)
	@$(BIN)/python bench/micro/run.py --check

.PHONY: bench-limits
bench-limits: build ## Time the limiter beside bare INCR and two libraries (fails when a target is missed)
	@$(BIN)/python bench/stage/limiter.py --check

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZ_SECONDS (60) on hostile input
	@FUZZ_SECONDS=$(FUZZ_SECONDS) rust/fuzz/run.sh

.PHONY: lock
lock: build ## Resolve the dependencies afresh into the lock file (versions and hashes only)
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --output-file $(LOCK) pyproject.toml

.PHONY: clean
clean: ## Remove everything that was built (data under the data directory stays)
	@rm -rf $(VENV) $(TEST_VENV) dist build target

.PHONY: wheel
wheel: build
	@rm -rf dist && CARGO_TERM_QUIET=true $(BIN)/maturin build --quiet --release --out dist

$(TEST_VENV)/bin/pytest:
	@$(MAKE) --no-print-directory wheel
	@$(PYTHON) -m venv $(TEST_VENV)
	@$(TEST_VENV)/bin/pip install --quiet --require-hashes -r $(LOCK)
	@$(TEST_VENV)/bin/pip install --quiet --no-deps dist/*.whl

RUST_SOURCES := $(shell find rust -path rust/fuzz -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print 2>/dev/null) Cargo.toml Cargo.lock

$(VENV)/.built: pyproject.toml $(LOCK) $(RUST_SOURCES)
	@$(MAKE) --no-print-directory prerequisites
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the dependencies …"
	@$(BIN)/pip install --quiet --require-hashes -r $(LOCK)
	@echo "Building the Rust extension (about a minute the first time) …"
	@CARGO_TERM_QUIET=true PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/maturin develop --release >$(VENV)/build.log 2>&1 \
		|| { cat $(VENV)/build.log >&2; exit 1; }
	@touch $@

.PHONY: prerequisites
prerequisites:
	@$(PYTHON) -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11)' 2>/dev/null \
		|| { echo "Penstock needs Python 3.11 or later with the venv module: install python3 and python3-venv." >&2; exit 1; }
	@command -v cargo >/dev/null && rustc -vV | awk -F'[ .]' '/^release/ { exit !($$2 > 1 || $$3 >= 88) }' \
		|| { echo "Penstock needs a Rust toolchain 1.88 or later: install rustc and cargo (for example with rustup)." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "Penstock needs a C compiler: install gcc or clang." >&2; exit 1; }
