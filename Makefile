# Everything a developer or CI runs. Works with plain python3, venv and pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# bytecode halves the start of every command; a shell that forbids it would cost seconds each time
unexport PYTHONDONTWRITEBYTECODE
export DAGSTER_DISABLE_TELEMETRY = 1

.PHONY: help install demo dev check test drill goldens bench soak nights load docs lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## the virtual environment with the locked packages

$(VENV)/.installed: requirements.lock setup.py
	@echo "Installing into $(VENV), once: about two minutes, with a slow line more."
	@echo "  1 of 3: the virtual environment"
	@$(PYTHON) -m venv $(VENV)
	@echo "  2 of 3: the packages of requirements.lock (the long part; pip says nothing until it is done)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@echo "  3 of 3: SalesInsight itself"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Installed."

demo: install ## a made-up company, a week of nights, and what came of it
	$(BIN)/salesinsight demo

dev: install ## Dagster's UI and daemon
	$(BIN)/salesinsight dev

check: install ## style, types, floors, fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --warnings --pythonpath $(BIN)/python
	$(BIN)/pytest -n 2 -q -m "not slow" salesinsight_assets_tests/domain

test: install ## the whole suite
	$(BIN)/pytest -n 2 --dist loadgroup --durations 25 --durations-min 5 -m "not drill_whole"

drill: install ## what can break a night, broken on a real deployment; a year of nights; a backup restored
	$(BIN)/pytest -v -n 0 salesinsight_assets_tests/drill salesinsight_assets_tests/adapters/test_warehouse_dump.py salesinsight_assets_tests/end_to_end/test_restore_drill.py

goldens: install ## the golden files anew, where texts were changed on purpose: then read git diff
	-$(BIN)/pytest -q -k golden --rewrite-goldens -p no:cacheprovider
	$(BIN)/pytest -q -k golden

bench: install ## benchmarks: ratios within one run
	$(BIN)/python -m pytest -s -q --timeout 3600 --override-ini python_files='bench_*.py' salesinsight_assets_tests/benchmarks

soak: install ## sixty nights of a sync that is broken on purpose, twenty of them killed
	$(BIN)/python -u -m salesinsight_assets_tests.benchmarks.soak_sync

nights: install ## two hundred nights of alerts to reps who act by a known rule, judged by what arrived
	$(BIN)/python -u -m salesinsight_assets_tests.benchmarks.live_nights

load: install ## a first load of six million rows, interrupted and resumed
	$(BIN)/python -u -m salesinsight_assets_tests.benchmarks.load_first

docs: install ## the lists of features and checks in docs/, and how the sync is proved
	$(BIN)/python salesinsight_assets_tests/reference_docs.py

lock: ## requirements.lock, made anew from setup.py
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --allow-unsafe --output-file requirements.lock setup.py

clean: ## forget the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache
