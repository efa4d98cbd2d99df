# The five things people do here. `make run` and `make test` need nothing but Python 3.11 or newer, make and a network.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
READY := $(VENV)/.ready $(VENV)/.front
TESTS ?=
BENCH ?=
# A wait that ran out, on a machine that is busy, is waited for once more and listed. Whatever else fails, fails.
ONCE_MORE := --reruns 1 --only-rerun TimeoutError --only-rerun "still not so" --only-rerun "did not happen in time"
CHAOS ?=

.PHONY: run test check bench chaos format clean requirements

run: $(READY)  ## start everything, with ten simulated vehicles
	$(BIN)/python manage.py up --simulate 10

test: $(READY) $(VENV)/.ready-dev  ## all tests, on real services that start by themselves
	$(BIN)/python -m pytest -n 2 $(ONCE_MORE) $(TESTS)
	PATH="$$PATH:$(CURDIR)/$(BIN)" node --test tests/js/*.test.js

check: $(READY) $(VENV)/.ready-dev  ## lint, types, import contracts, then the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(MAKE) test

bench: $(READY)  ## every benchmark, on a stack of its own, and docs/performance.md; BENCH="soak --minutes 60" for one, larger
	$(BIN)/python manage.py bench all $(BENCH)

chaos: $(READY) $(VENV)/.ready-dev  ## every fault at full size, and the controls; CHAOS="--faults F7 --short" for less
	$(BIN)/python -m tests.chaos $(CHAOS)
	$(if $(CHAOS),,$(BIN)/python -m pytest -m chaos tests ingest)

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:  ## remove what `make` made; data under var/ stays
	rm -rf $(VENV) node_modules

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("dataflow needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt requirements-embedded.txt | $(VENV)/bin/python
	$(PIP) -r requirements.txt -r requirements-embedded.txt
	touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(PIP) -r requirements-dev.txt
	touch $@

# Front-end files come from npm; where a machine has no npm, a Python wheel brings it.
$(VENV)/.front: package.json package-lock.json requirements-node.txt $(VENV)/.ready
	command -v npm >/dev/null || $(PIP) -r requirements-node.txt
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

requirements: $(VENV)/bin/python  ## compile the pinned lists, with hashes, from the .in files
	$(BIN)/python -m pip install --quiet uv
	for list in requirements requirements-embedded requirements-node requirements-dev; do \
		$(BIN)/uv pip compile --quiet --upgrade --no-header --generate-hashes --python-version 3.11 --universal \
			$$list.in --output-file $$list.txt; \
	done
