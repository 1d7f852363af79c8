# All tasks of the project. They need Python >= 3.11, make and git, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup run test check format bench protos lock clean

help:  ## List the tasks
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready  ## Create .venv with all dependencies, pinned by hash; changes nothing outside this folder

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Regdex needs Python 3.11 or newer. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python cannot create virtual environments. Install the package python3-venv first"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## Start Regdex with an embedded PostgreSQL and search engine, and a demo registry
	@$(BIN)/regdex up --demo

test: setup  ## Run all tests; with PostgreSQL 15 installed, run those of the database on it as well
	$(BIN)/pytest
	@if [ -x /usr/lib/postgresql/15/bin/postgres ] || [ "$$CI" = true ]; then $(BIN)/pytest --postgres=15; fi

check: setup  ## Check format, lint, types, import rules and generated stubs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check

format: setup  ## Format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Measure performance beside minimal counterparts; never fails
	GRPC_VERBOSITY=ERROR $(BIN)/python -m tests.benchmarks

protos: setup  ## Generate regdex/v1 from protos/
	$(BIN)/python protos/generate.py

lock: setup  ## Resolve the dependencies again, into requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-package regdex --no-annotate -o requirements.lock pyproject.toml

clean:  ## Delete what setup and the tests have created
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
