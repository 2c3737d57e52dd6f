# Everything here needs Python >= 3.11 and nothing else: uv, Node and the stand-ins are brought along.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PLAY ?=
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11
# Use the machine's own certificates: behind a company proxy those are the only ones that verify.
export UV_SYSTEM_CERTS := 1
export UV_NATIVE_TLS := 1
export NODE_USE_SYSTEM_CA := 1
export UV_LINK_MODE ?= copy
# A developer's own bot settings must not leak into tests and demo.
unexport SHIPBELL_CONFIG SHIPBELL_DATABASE_URL SHIPBELL_MASTER_KEYS
# Compiled once and kept: a test run starts Python many times, and pytest rewrites each test file.
unexport PYTHONDONTWRITEBYTECODE
# More test processes than the two cores that are reckoned with: the stories wait for Slack's pace most of their time.
WORKERS ?= 4
TESTS := $(PY) -m pytest -n $(WORKERS) --dist worksteal
LINT = $(MAKE) --no-print-directory lint

.PHONY: help setup demo test chaos deploy-check lint format bench docs lock clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.synced $(VENV)/stand-ins/.installed ## make .venv with all that the other targets need

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Shipbell needs Python 3.11 or newer; this is %d.%d. Say PYTHON=/path/to/python3.11 make ..." % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(BIN)/uv: | $(PY)
	@command -v uv >/dev/null 2>&1 && ln -sf "$$(command -v uv)" $@ || $(PY) -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.synced: requirements.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(PY) requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(PY) --editable .
	@touch $@

$(VENV)/stand-ins/.installed: bot/demo/node/package.json bot/demo/node/package-lock.json $(VENV)/.synced
	@mkdir -p $(VENV)/stand-ins
	@cp bot/demo/node/package.json bot/demo/node/package-lock.json $(VENV)/stand-ins/
	$(PY) -m bot.demo.npm ci --prefix $(VENV)/stand-ins --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

demo: setup ## the whole bot against local stand-ins, in the browser (PLAY=1: headless, says what happened)
	@$(BIN)/shipbell demo $(if $(PLAY),--play)

# The linters take the processor time that the tests leave, and say at the end what they have to say. Both must end well.
test: setup ## every test, storage and stories on SQLite and PostgreSQL, with lint beside them
	@said=$$(mktemp); nice -n 5 $(LINT) >"$$said" 2>&1 & lint=$$!; trap 'kill $$lint; rm -f "$$said"; exit 130' INT TERM; \
	SHIPBELL_TEST_HALF=1 $(TESTS) tests; tests=$$?; wait $$lint; lint=$$?; cat "$$said"; rm -f "$$said"; \
	[ $$tests = 0 ] || echo 'make test: tests have failed' >&2; [ $$lint = 0 ] || echo 'make test: lint has failed' >&2; \
	[ $$tests = 0 ] && [ $$lint = 0 ]

chaos: setup ## dying at every point and hard days, workflows on both databases: `make test` plays a part
	SHIPBELL_THOROUGH=1 $(TESTS) --timeout 1800 tests/stories/test_kill.py tests/stories/test_leaving.py tests/stories/test_apart.py tests/stories/test_release_kill.py \
	  tests/chaos tests/fleet/test_dying.py tests/releases tests/feeding

$(VENV)/deploy/.synced: deploy/checks.lock | $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PY) $(VENV)/deploy
	$(BIN)/uv pip sync --quiet --require-hashes --python $(VENV)/deploy/bin/python deploy/checks.lock
	@touch $@

deploy-check: setup $(VENV)/deploy/.synced ## what an image would run, from a clean environment; manifests against their schemas
	$(PY) -m pytest --timeout 600 -m "" tests/deploy tests/image

lint: setup ## ruff, mypy, import-linter, the docs
	@$(MAKE) --no-print-directory --keep-going --jobs 2 lint-types lint-text lint-docs lint-imports

# Two at a time, so each keeps what it says until its end.
whole = @echo '$(1)'; said=$$($(1) 2>&1); code=$$?; [ -z "$$said" ] || printf '%s\n' "$$said"; exit $$code

lint-text:
	$(call whole,$(BIN)/ruff check .)
	$(call whole,$(BIN)/ruff format --check .)

lint-types:
	$(call whole,$(BIN)/mypy)

lint-imports:
	$(call whole,$(BIN)/lint-imports --no-cache)

lint-docs:
	$(call whole,$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky -b html docs $(VENV)/docs)

format: setup ## put the code into its form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup ## measure, as ratios within one run
	$(PY) -m pytest tests/bench -q -s --override-ini addopts= -p no:xdist

docs: setup ## build the documentation into .venv/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning -b html docs $(VENV)/docs
	@echo "open $(VENV)/docs/index.html"

lock: $(BIN)/uv ## resolve the dependencies anew
	$(COMPILE) --upgrade --group dev --all-extras pyproject.toml --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock pyproject.toml --output-file deploy/requirements.lock
	$(COMPILE) --constraint requirements.lock --group build --output-file deploy/build.lock
	$(COMPILE) --constraint requirements.lock --upgrade --group deploy --output-file deploy/checks.lock

clean: ## remove what make has made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
