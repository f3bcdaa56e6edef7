# What can be done here; `make` alone lists it. Each target sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_READY := $(VENV)/.demo-ready
FOLDER ?= screenshots
CODE := chaoscloud tests examples benchmarks setup.py noxfile.py

.DEFAULT_GOAL := help
.PHONY: help setup test quick coverage check fix demo bench screenshots docs clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

setup: $(READY) ## Make the virtual environment (.venv) with all that development needs

$(READY): pyproject.toml $(wildcard requirements*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -e .
	@touch $@

test: $(READY) ## Run the test suite (ARGS="-k name" to choose; WORKERS=0 for one process)
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile $(ARGS)

quick: $(READY) ## Run the tests that a change concerns: a first look, before all of them
	@files=$$($(BIN)/python -m tests.changed) && \
	  if [ -n "$$files" ]; then $(BIN)/python -m pytest -q -x -n 2 $$files; else echo "No test is concerned."; fi

coverage: $(READY) ## Run the suite and measure which lines it reaches, in the processes it starts too
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

check: $(READY) ## Lint, format, types and import rules, changing nothing
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY) ## Mend what the linter and the formatter can mend
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

$(DEMO_READY): pyproject.toml requirements.txt requirements-console.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[console]'
	@touch $@

demo: $(DEMO_READY) ## Run real experiments against a real console (DEMO_ONCE=1: check and leave)
	$(BIN)/python examples/demo.py

bench: $(READY) ## Measure what the plugin and the console cost, in ratios
	@for each in benchmarks/[!_]*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

screenshots: $(READY) ## Take pictures of the demo's every page (FOLDER=screenshots); needs Chromium
	$(BIN)/python -m tests.browser.screenshots $(FOLDER)
	@echo "They are in $(FOLDER)."

docs: $(READY) ## Build the documentation as a site, in site/ (a warning is an error)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	$(BIN)/mkdocs build --strict --quiet

clean: ## Remove what the other targets made
	rm -rf $(VENV) .demo .nox screenshots site build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
