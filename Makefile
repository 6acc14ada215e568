# What a contributor and CI run; one list for both. `make help` explains.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# Tests run on two processes more than there are cores, for many wait for a server; `make test TESTS="tests/rules"` runs a few.
CORES := $(shell nproc 2>/dev/null || echo 2)
TESTS ?= -n $(shell expr $(CORES) + 2) --dist worksteal
# Packages come with the hashes of constraints.txt, whatever else the machine's pip is told.
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Bytecode is kept whatever the shell says: without it each process of a test run compiles every module anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test test-fast cov test-wheel release-check lint format types bench soak wheel lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## build .venv with exactly the packages of constraints.txt

$(STAMP): constraints.txt pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Regulars needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python && $(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) \
		|| { rm -rf $(VENV); echo "python3 has no venv here (Debian: python3-venv)" >&2; exit 1; }
	@echo "installing packages into $(VENV)"
	@$(PIP) install --quiet --require-hashes -r constraints.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## a small business, its clients, and the emails it sends in a day, into ./demo
	@$(BIN)/regulars demo --dir demo

test: $(STAMP)  ## every test
	@$(BIN)/python -m pytest $(TESTS)

test-fast: $(STAMP)  ## the tests without servers, browsers and whole sites: under a minute
	@$(BIN)/python -m pytest --fast -n $(CORES) --dist worksteal

cov: $(STAMP)  ## the branches that tests reach, at least as many as pyproject.toml asks; few examples of each property
	@rm -rf .cache/coverage && mkdir -p .cache/coverage
	@status=0; $(BIN)/coverage run -m pytest --hypothesis-profile=fast $(TESTS) || status=1; \
		$(BIN)/coverage combine --quiet && $(BIN)/coverage report || status=1; exit $$status

test-wheel: wheel  ## every test again, on the installed wheel instead of the checkout
	@$(PYTHON) -m venv --clear .venv-wheel
	@.venv-wheel/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r constraints.txt
	@.venv-wheel/bin/python -m pip --disable-pip-version-check install --quiet --no-deps dist/*.whl
	@.venv-wheel/bin/python -m pytest $(TESTS)

release-check: $(STAMP)  ## the sdist and the wheel as a stranger gets them, on every Python that is installed
	@$(BIN)/python -m tests.release_check

lint: $(STAMP)  ## style, types, spelling, and the one-way arrows between rooms
	@failed=; for check in "ruff check" "ruff format --check" "mypy" "lint-imports --no-cache" "codespell"; do \
		echo "$$check"; $(BIN)/$$check || failed="$$failed '$$check'"; \
	done; test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

format: $(STAMP)  ## put the code in shape
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

types: $(STAMP)  ## mypy, strict
	@$(BIN)/mypy

KILLS ?= 1000
EMAILS ?= 100000
SEED ?= 1
SET_UP ?= embedded redis rabbitmq
soak: $(STAMP)  ## every test of faults, then kill -9 at random for hours: KILLS= EMAILS= SEED= SET_UP=redis FOLDER=
	@REGULARS_TEST_FAULTS=all $(BIN)/python -m pytest -n $(CORES) tests/faults
	@$(BIN)/python -m tests.faults.soak --kills $(KILLS) --emails $(EMAILS) --seed $(SEED) \
		$(foreach one,$(SET_UP),--set-up $(one)) $(if $(FOLDER),--folder $(FOLDER))

bench: $(STAMP)  ## how fast it is, measured beside a fast peer
	@$(BIN)/python -m benchmarks

wheel: $(STAMP)  ## dist/*.whl, the starter inside
	@rm -rf dist
	@$(BIN)/python -m build --wheel --no-isolation --quiet

# The oldest Python asks for the most (backports), so its list serves the newer ones too.
lock: $(STAMP)  ## renew constraints.txt with the newest releases; run it on the oldest Python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 11, 3) and "lock with Python 3.11.0 to 3.11.2 (Debian 12): newer ones leave out what those need")'
	@mkdir -p .cache
	@PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= $(BIN)/pip-compile --quiet --upgrade \
		--generate-hashes --allow-unsafe --strip-extras --extra dev --all-build-deps --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file .cache/lock.txt pyproject.toml
	@{ head -1 constraints.txt; cat .cache/lock.txt; } > .cache/constraints.txt && mv .cache/constraints.txt constraints.txt

clean:  ## remove everything that was built
	rm -rf $(VENV) .venv-wheel .cache dist demo var .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
