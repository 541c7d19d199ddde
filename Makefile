# Everything runs in a virtual environment of its own, made from pyproject.toml under the pins of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check format bench schemas constraints build clean

demo: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-test
	$(BIN)/python -m tests.bench $(ARGS)

schemas: $(VENV)/.installed
	$(BIN)/python -m voicectl.cli.commands.schema schemas

build: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

# New pins: the newest versions that pyproject.toml allows, without addresses. Then the same, by hash, for the action.
constraints:
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[dev,fidelity]'
	$(VENV)-constraints/bin/python -m pip freeze --exclude-editable > constraints.txt
	$(VENV)-constraints/bin/python -m pip --disable-pip-version-check --quiet install uv
	echo hatchling | $(VENV)-constraints/bin/uv pip compile pyproject.toml - --quiet --constraint constraints.txt \
	  --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	  > .github/actions/setup/requirements.txt
	rm -rf $(VENV)-constraints

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "voicectl needs Python 3.11 or newer; set PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/.installed-fidelity: $(VENV)/.installed-test
	$(PIP) install --constraint constraints.txt --editable '.[fidelity]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: test-crash
# Every request and every save of an apply, killed at each; then the controls that must find violations.
test-crash: $(VENV)/.installed-test
	$(BIN)/python -m tests.crash.matrix
	$(BIN)/python -m tests.crash.matrix --concurrency 4
	$(BIN)/python -m tests.crash.matrix --saved
	$(BIN)/python -m tests.crash.matrix --control end > /dev/null
	$(BIN)/python -m tests.crash.matrix --control cover > /dev/null

.PHONY: test-chaos
# 500 schedules of random edits under random faults, and 200 of two clones; a failing one is shrunk.
test-chaos: $(VENV)/.installed-test
	VOICECTL_CHAOS=500 VOICECTL_CLONES=200 $(BIN)/python -m pytest -n 2 tests/crash/test_chaos.py tests/crash/test_two_clones.py

.PHONY: test-fidelity
# The emulator against the published API description, the official SDKs in two languages and the framework that the
# provider most likely uses. It needs the package index; the JavaScript SDK needs node and npm, or is skipped.
test-fidelity: $(VENV)/.installed-fidelity
	VOICECTL_FIDELITY=1 $(BIN)/python -m pytest -n 2 tests/fidelity tests/emulator/test_emulator_sdk.py $(ARGS)

.PHONY: golden
# What renderers print, written anew; the difference belongs into the review.
golden: $(VENV)/.installed-test
	VOICECTL_GOLDEN=write $(BIN)/python -m pytest -q tests/report/test_golden.py tests/scenarios/test_pull_request.py

.PHONY: test-release
# What would be published, looked into and used where nothing else of this checkout is. It needs the package index.
# DIST=DIRECTORY takes files that were built before.
test-release: $(VENV)/.installed-test
	VOICECTL_RELEASE=1 VOICECTL_DIST=$(if $(DIST),$(abspath $(DIST))) $(BIN)/python -m pytest tests/release

.PHONY: picture
# The terminal that the README shows, from what the command prints now.
picture: $(VENV)/.installed
	$(BIN)/python examples/picture.py
