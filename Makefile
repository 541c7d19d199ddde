# Everything runs in a virtual environment of its own, made from pyproject.toml under the pins of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test check format schemas pages golden picture bench \
  test-crash test-chaos test-fidelity test-release coverage constraints build clean

help: ## Show this list.
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

## Begin

demo: $(VENV)/.installed ## Tell the story of a catalog on the emulator; no key, no network.
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py

test: $(VENV)/.installed-test ## Run the tests.
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

## While you work

check: $(VENV)/.installed-dev ## Lint, formatting and types: ruff and mypy.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## Format, and repair what ruff can.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.installed ## Write schemas/ from the models.
	$(BIN)/python -m voicectl.cli.commands.schema schemas
	cp schemas/project.schema.json schemas/manifest.schema.json examples/gitops/.vscode/

pages: $(VENV)/.installed ## Write what pages say of commands and rules from the code itself.
	$(BIN)/python -m voicectl.cli.commands.help voicectl/pages

# The difference belongs into the review.
golden: $(VENV)/.installed-test ## Write anew what the renderers are expected to print.
	VOICECTL_GOLDEN=write $(BIN)/python -m pytest -q tests/report/test_golden.py tests/scenarios/test_pull_request.py \
	  tests/scenarios/test_review.py

picture: $(VENV)/.installed ## Draw the terminal that the README shows.
	$(BIN)/python examples/picture.py

## Longer tests

test-crash: $(VENV)/.installed-test ## Kill an apply at every request and every save; the controls must find harm.
	$(BIN)/python -m tests.crash.matrix
	$(BIN)/python -m tests.crash.matrix --concurrency 4
	$(BIN)/python -m tests.crash.matrix --saved
	$(BIN)/python -m tests.crash.matrix --control end > /dev/null
	$(BIN)/python -m tests.crash.matrix --control cover > /dev/null

# A failing schedule is shrunk.
test-chaos: $(VENV)/.installed-test ## 500 schedules of random edits under faults, 200 of two clones.
	VOICECTL_CHAOS=500 VOICECTL_CLONES=200 $(BIN)/python -m pytest -n 2 tests/crash/test_chaos.py tests/crash/test_two_clones.py

# It needs the package index; the JavaScript SDK needs node and npm, or is skipped.
test-fidelity: $(VENV)/.installed-fidelity ## The emulator against the published description and the official SDKs.
	VOICECTL_FIDELITY=1 $(BIN)/python -m pytest -n 2 tests/fidelity tests/emulator/test_emulator_sdk.py $(ARGS)

# It needs the package index. DIST=DIRECTORY takes files that were built before.
test-release: $(VENV)/.installed-test ## Use what would be published where nothing else of this checkout is.
	VOICECTL_RELEASE=1 VOICECTL_DIST=$(if $(DIST),$(abspath $(DIST))) $(BIN)/python -m pytest tests/release

coverage: $(VENV)/.installed-test ## Run the tests and fail below the floor in pyproject.toml.
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

bench: $(VENV)/.installed-test ## Print ratios against peers, and write bench.json.
	$(BIN)/python -m tests.bench $(ARGS)

## Releases

build: $(VENV)/.installed-dev ## Build sdist and wheel into dist/.
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

# The newest versions that pyproject.toml allows, without addresses. Then the same, by hash, for the action.
constraints: ## Renew the pins.
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[dev,fidelity]'
	$(VENV)-constraints/bin/python -m pip freeze --exclude-editable > constraints.txt
	$(VENV)-constraints/bin/python -m pip --disable-pip-version-check --quiet install uv
	echo hatchling | $(VENV)-constraints/bin/uv pip compile pyproject.toml - --quiet --constraint constraints.txt \
	  --extra audio --extra preview \
	  --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
	  > .github/actions/setup/requirements.txt
	rm -rf $(VENV)-constraints

clean: ## Remove what all of this made.
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
