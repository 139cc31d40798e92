# Everything a checkout can do; it needs Python (3.11, 3.12 or 3.13) and make. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help demo stop test bench-data bench-ps bench-sweep bench-serving lint format typecheck wheel constraints clean
SHELL := /bin/bash

# Every process of a demo or a test would compile all that it imports, and numba's kernels, anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
ENGINE ?=
HOME_DIR ?= .demo
PYTEST ?=
UV_VERSION := 0.13.8

VENV := .venv
BIN := $(VENV)/bin
SOURCES := provider operators sensors plugins
# The longest first, so that both processes end at about the same time.
TESTS := tests/system tests/integration tests/unit
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[java]"

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=python3.12, ENGINE=duckdb|spark (demo), PYTEST='-k word' (test)"

demo: $(VENV)/.demo ## Run the whole pipeline in a local Airflow, and leave it up until Ctrl-C
	@$(BIN)/python -m stagecraft.demo start --home $(HOME_DIR) --dags dags $(if $(ENGINE),--engine $(ENGINE))

stop: ## End a demo that runs elsewhere
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m stagecraft.demo stop --home $(HOME_DIR); fi

test: lint typecheck ## Check and test everything
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS) $(PYTEST)

bench-data: $(VENV)/.bench ## Measure the data stages beside what one writes by hand; QUICK=1 takes fewer rows
	$(BIN)/python benchmarks/bench_data.py

bench-ps: $(VENV)/.bench ## Measure training on the parameter server beside Vowpal Wabbit and Spark ML; QUICK=1 takes fewer rows
	$(BIN)/python benchmarks/bench_ps.py

bench-sweep: $(VENV)/.bench ## Measure sweeps beside Ray Tune, Optuna, scikit-optimize and FLAML; QUICK=1 takes fewer seeds
	$(BIN)/python benchmarks/bench_sweep.py

bench-serving: $(VENV)/.bench ## Measure serving beside stock BentoML, Ray Serve and FastAPI; QUICK=1 takes fewer requests
	$(BIN)/python benchmarks/bench_serving.py

lint: $(VENV)/.test ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test ## Repair style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: $(VENV)/.test ## Check types
	$(BIN)/mypy $(SOURCES)

wheel: $(VENV)/.uv ## Build the wheel into dist/
	$(BIN)/uv build --quiet --wheel
	@ls dist/*.whl

constraints: $(VENV)/.uv ## Pin the newest versions of every dependency in constraints.txt
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --extra java \
	  --group demo --group test --group bench --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --output-file constraints.txt > /dev/null

clean: stop ## Remove the virtual environment, the demo's home and what was built
	rm -rf $(VENV) $(HOME_DIR) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Stamps: each is renewed when what decides it changes, so that a second call costs nothing.

$(VENV)/.uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; say which: make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m uv --version 2> /dev/null | grep -q "uv $(UV_VERSION)" || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "Installing Airflow and the engines into $(VENV); the first time takes a few minutes."
	@$(INSTALL) --group demo
	@touch $@

$(VENV)/.test: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "Installing what the tests need into $(VENV); the first time takes a few minutes."
	@$(INSTALL) --group demo --group test
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "Installing what the benchmarks need into $(VENV); the first time takes a few minutes."
	@$(INSTALL) --group demo --group bench
	@touch $@ $(VENV)/.demo
