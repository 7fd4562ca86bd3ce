# make demo    runs a federation of five nodes on this machine with real public records
# make test    runs every check: lint, types, contracts, protos, generated code, tests
#
# Needs Python 3.11 to 3.13 with its venv module, and make; everything else is installed from the
# locks into .venv. Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
PIP_OPTIONS := --quiet --disable-pip-version-check --no-input
PIP := $(BIN)/python -m pip install $(PIP_OPTIONS)
PROTO_PIP := .venv-proto/bin/python -m pip install $(PIP_OPTIONS)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --no-strip-extras

# Stamps: empty files that say what is installed, so that a second run starts at once.
CREATED := .venv/.created
RUNTIME := .venv/.runtime-installed
DEVELOPMENT := .venv/.development-installed
PROTO_TOOLS := .venv-proto/.installed
BUF := .ci/buf/node_modules/.installed

# Whatever the surroundings say: without kept bytecode every process compiles all of it again, a
# quarter of its start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test soak lint types contracts proto proto-check buf pytest reference coverage bench lock clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "also: soak lint types contracts proto proto-check buf pytest reference coverage bench lock clean"

demo: $(RUNTIME)
	@$(BIN)/registry demo $(ARGS)

bench: $(RUNTIME)
	@$(BIN)/registry bench $(ARGS)

test: lint types contracts proto-check buf pytest

lint: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEVELOPMENT)
	$(BIN)/mypy

contracts: $(DEVELOPMENT)
	$(BIN)/lint-imports --no-cache

# One file or test: make pytest ARGS='tests/unit -k note'
# Files are shared out to two processes; one after the other: make pytest PYTEST_WORKERS=0
PYTEST_WORKERS ?= 2
pytest: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(ARGS)

# The long column of the promises, resumable: make soak ARGS='--hours 8'
soak: $(DEVELOPMENT)
	@$(BIN)/python -m tests.soak $(ARGS)

# The pages of docs/ that are made from the data and models of registry/domain.
reference: $(DEVELOPMENT)
	$(BIN)/python docs/generate.py

# The floors of the house style: everything in the pure packages, 90 % of the rest.
coverage: $(DEVELOPMENT)
	$(BIN)/python -m pytest --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=100 \
		--include='registry/domain/*,registry/log/*,registry/replication/*'
	$(BIN)/coverage report --fail-under=90

proto: $(PROTO_TOOLS)
	.venv-proto/bin/python protos/generate.py

proto-check: $(PROTO_TOOLS)
	.venv-proto/bin/python protos/generate.py --check

# buf comes as an npm package; a machine without npm skips this step, the others must run it.
buf:
	@if command -v npm >/dev/null; then \
		$(MAKE) --silent $(BUF) && \
		echo .ci/buf/node_modules/.bin/buf lint protos && \
		.ci/buf/node_modules/.bin/buf lint protos; \
	else \
		echo "buf lint: skipped, there is no npm on this machine"; \
	fi

# Takes the newest versions that pyproject.toml allows; commit what it writes.
lock: $(CREATED)
	$(PIP) uv
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade --constraints requirements.lock --group build \
		--output-file requirements-build.lock
	$(COMPILE) --upgrade --constraints requirements.lock --constraints requirements-build.lock \
		pyproject.toml --extra pkcs11 --group dev --output-file requirements-dev.lock
	$(COMPILE) --upgrade --group proto --output-file requirements-proto.lock

clean:
	rm -rf .soak .venv .venv-proto .ci/buf/node_modules .demo .cache .coverage .coverage.* .hypothesis \
		.import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist

# --- environments -----------------------------------------------------------------------------

define CHECK_PYTHON
@command -v "$(PYTHON)" >/dev/null || { \
	echo "There is no $(PYTHON) here. Install Python 3.11 to 3.13" >&2; \
	echo "(Debian and Ubuntu: apt install python3 python3-venv)," >&2; \
	echo "or name another: make PYTHON=python3.12" >&2; exit 1; }
@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	echo "Python 3.11 to 3.13 is needed; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; \
	echo "Name another one: make PYTHON=python3.12" >&2; exit 1; }
@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) lacks its venv module." >&2; \
	echo "Install it (Debian and Ubuntu: apt install python3-venv) and try again." >&2; exit 1; }
endef

$(CREATED):
	$(CHECK_PYTHON)
	@echo "Creating .venv" >&2
	@"$(PYTHON)" -m venv --clear .venv
	@touch $@

$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml $(CREATED)
	@echo "Installing what the registry needs (about 10 seconds)" >&2
	@$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	@echo "Installing what the checks need (about 20 seconds)" >&2
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(PROTO_TOOLS): requirements-proto.lock
	$(CHECK_PYTHON)
	@echo "Creating .venv-proto with the oldest protobuf tools that we support"
	@"$(PYTHON)" -m venv --clear .venv-proto
	@$(PROTO_PIP) --require-hashes -r requirements-proto.lock
	@touch $@

$(BUF): .ci/buf/package.json .ci/buf/package-lock.json
	@echo "Installing buf"
	@npm ci --prefix .ci/buf --loglevel=error
	@touch $@
