# Everything that a person types. `make` alone lists it.
PYTHON := $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo ui test test-clients test-vendors test-postgres lint lint-python lint-sql bench-impact bench-impact-pipeline bench-insight bench-ingestion format snapshots clean

help: ## List what there is.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# Without .pyc files every start costs two to three times; some packages ship files that are not for this Python,
	@# and nobody imports their tests.
	$(BIN)/python -m compileall -q -j 0 -x '/tests/' .venv/lib >/dev/null 2>&1 || true
	@touch $@

demo: .venv/.installed ## Build the sandbox company, or live one more day of it.
	@$(BIN)/norte demo

ui: .venv/.installed ## Open the Dagster UI on http://127.0.0.1:3000.
	@$(BIN)/norte ui

test: .venv/.installed ## Lint, types and all tests.
	@$(MAKE) --no-print-directory --jobs=2 lint
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not clients and not outside_clients and not vendors and not postgres"
	$(BIN)/python -m pytest -q -m clients

test-clients: .venv/.installed ## All public clients of the vendors against the sandbox, in own environments.
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "clients or outside_clients" tests/clients tests/contract/clients

test-vendors: .venv/.installed ## One company on other vendors: the whole job each way, the same numbers.
	$(BIN)/python -m pytest -q -m vendors tests/vendors tests/integration/ingestion

test-postgres: .venv/.installed ## The whole job on a PostgreSQL server of its own; root on Debian installs one.
	$(BIN)/python -m pytest -q -m postgres tests/postgres

lint: lint-python lint-sql ## Formatting, linting, types, SQL style.

lint-python: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-sql: .venv/.installed
	$(BIN)/sqlfluff lint --disable-progress-bar -q dbt_project/models dbt_project/tests

bench-impact: .venv/.installed ## How far the impact engine can be trusted, on simulated companies (hours).
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.impact

bench-insight: .venv/.installed ## How good the insight engine is; SETS=<folder> for labelled sets of your own.
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.insight $(if $(SETS),--sets $(SETS))

bench-impact-pipeline: .venv/.installed ## Planted effects of five sandbox companies through the whole pipeline (hours).
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.impact.company

bench-ingestion: .venv/.installed ## How fast and politely data comes in; taps in own environments beside it.
	$(BIN)/python -m tests.bench.ingestion

format: .venv/.installed ## Format the code.
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

snapshots: .venv/.installed ## Write the snapshots of assets, jobs and schedules anew.
	$(BIN)/python -m tests.definitions.snapshots

clean: ## Remove the sandbox company and everything it made.
	rm -rf .norte
