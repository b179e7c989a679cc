# make demo, make test, make check and make bench each work on a fresh clone: they make .venv,
# install what they need once, and run.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

# For example: make test ARGS="tests/unit -k pointer"
ARGS ?=
# Two tests at once for each core, for many wait for a server or a disk half of their time; those of
# a file go to one worker, so that what a file begins from is made once.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
# An installed package is compiled; one that is edited in place is not where PYTHONDONTWRITEBYTECODE
# is set, and each command takes two or three times as long.
COMPILE = $(BIN)/python -m compileall -q gitmodel
# Tests make and remove many small files; in memory that costs a fraction, where programs can run
# there and there is room.  `make test TMPDIR=/var/tmp` tests on that disk.
ROOM := 4000000
memory = $(shell test "$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4}')" -gt $(ROOM) \
    && probe=$$(mktemp /dev/shm/XXXXXX) && echo : >$$probe && chmod +x $$probe \
    && { sh -c $$probe 2>/dev/null && echo /dev/shm; rm $$probe; })
PYTEST = $(COMPILE) && PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.PHONY: demo test torture fuzz check bench coverage clean
# pip must not run twice at once in one environment.
.NOTPARALLEL:

demo: $(VENV)/.demo
	@$(COMPILE)
	@$(BIN)/python demo/demo.py $(ARGS)

test: export TMPDIR := $(or $(TMPDIR),$(memory))
test: $(VENV)/.test
	@$(PYTEST) $(ARGS)

# Stops commands at every step instead of some, and kills them at many more moments.
torture: export GITMODEL_KILLS ?= 200
torture: $(VENV)/.test
	@$(PYTEST) -m torture $(ARGS)

# Makes up many more inputs and histories than `make test`; what fails is tried first next time.
fuzz: export GITMODEL_FUZZ ?= 30
fuzz: $(VENV)/.test
	@$(PYTEST) tests/property --timeout 0 $(ARGS)

coverage: $(VENV)/.test
	@$(PYTEST) --cov $(ARGS)

check: $(VENV)/.check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.bench
	@$(COMPILE)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .import_linter_cache \
	    .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per extra: $(VENV)/.demo says that gitmodel[demo] is installed.
$(VENV)/.demo $(VENV)/.test $(VENV)/.check $(VENV)/.bench: $(VENV)/.%: pyproject.toml | $(BIN)/python
	@echo "installing gitmodel[$*] into $(VENV)" >&2
	@$(PIP) --editable ".[$*]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than 3.11; try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
