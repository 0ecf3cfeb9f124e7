# make run: set everything up and start the app.  make test: set everything up and run all tests, some 20 minutes.
# make test-fast: those that need no browser and take no seconds each, at most 90 seconds in all.
# make bench: measure, more than half an hour, and print the table of tests/benchmarks/README.md.
# make atlas: build the small atlases that the page Atlas opens on again; assets/atlas/SOURCES.md says of what.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist worksteal
ATLAS := $(BIN)/headlens atlas build --device cpu --best 8
unexport PYTHONDONTWRITEBYTECODE # else each of the many processes that the tests start compiles Headlens again

.PHONY: run setup test test-fast lint bench load soak atlas

run: setup
	$(BIN)/headlens app

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock assets/checkpoints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Headlens needs Python 3.11 to 3.14: install python3, or say which one with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
		{ echo "Headlens needs Python 3.11 to 3.14, and $$($(PYTHON) --version) is another: install one of these, and say where with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python has no venv module: install it (Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --require-hashes -r assets/checkpoints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed tests/requirements.lock tests/requirements-alone.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -r tests/requirements-alone.lock
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-tests tests/benchmarks/requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -r tests/benchmarks/requirements.lock
	@touch $@

lint: $(VENV)/.installed-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.frontend.check lint types

test: lint
	$(BIN)/python -m tests.browser.find_browser
	$(BIN)/python -m pytest $(PARALLEL) --ignore tests/load
	$(BIN)/python -m pytest tests/load

test-fast: $(VENV)/.installed-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest $(PARALLEL) -m "not browser and not load and not slow"

bench: $(VENV)/.installed-bench
	@$(BIN)/python -m tests.browser.find_browser >&2
	@$(BIN)/python -m tests.benchmarks.table

load: $(VENV)/.installed-tests
	$(BIN)/python -m tests.load.visitors

soak: $(VENV)/.installed-tests
	$(BIN)/python -m tests.load.soak

atlas: $(VENV)/.installed
	$(BIN)/python assets/atlas/sentences.py assets/atlas/sentences.txt
	rm -rf assets/atlas/texts assets/atlas/photos
	$(ATLAS) assets/atlas/sentences.txt --model minilm-l6 --vectors 10 --out assets/atlas/texts
	$(ATLAS) assets/samples --model dinov2-focus --size 224 --vectors 2 --out assets/atlas/photos
