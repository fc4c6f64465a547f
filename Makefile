# The commands of the project; .ci/run calls the same ones. Everything lives in .venv, which `make env` makes.

PYTHON ?=
LAB_ARGS ?=
ACCURACY ?= runs/accuracy
ACCURACY_ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help env lab test check conformance browser bench accuracy clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: .venv/made  ## make .venv and install all that is needed (PYTHON=/path/to/python3 picks the interpreter)

# An .venv that works is kept, so that a change of dependencies only installs the difference.
.venv/made: pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { python=$$(.ci/find-python "$(PYTHON)") && "$$python" -m venv --clear .venv; }
	@echo 'installing into .venv; the first time this takes a few minutes'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m jupyter labextension disable --log-level=ERROR --level=sys_prefix @jupyterlab/apputils-extension:announcements
	@touch $@

# What JupyterLab would keep in the home directory (kernels, tokens, window layout) stays in .venv; the user's own
# settings still hold, except that it listens on loopback only. Asking for language servers would start npm.
lab: env  ## open JupyterLab on notebooks/ (LAB_ARGS="--no-browser --port=9000" passes options on)
	@PATH="$(CURDIR)/$(BIN):$$PATH" JUPYTER_DATA_DIR="$(CURDIR)/.venv/share/jupyter" \
	JUPYTERLAB_WORKSPACES_DIR="$(CURDIR)/.venv/share/jupyter/lab/workspaces" \
	exec $(BIN)/python -m jupyterlab --ip=127.0.0.1 --LanguageServerManager.autodetect=False \
	$$(test "$$(id -u)" != 0 || echo --allow-root) $(LAB_ARGS) notebooks

test: env  ## run every test but those of the two commands below that have their own
	$(BIN)/python -m pytest --ignore=tests/conformance --ignore=tests/browser

check: env  ## lint, format, types, layers, notebooks without outputs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_notebooks_clean.py

conformance: env  ## hold the twin to the real libraries of other languages
	$(BIN)/python -m pytest tests/conformance

browser: env  ## drive JupyterLab in a real Chromium
	$(BIN)/python -m pytest tests/browser

bench: env  ## measure against what people use today
	$(BIN)/python -m tests.benchmarks

accuracy: env  ## grade the twin on two live systems, for hours; what has run is kept in ACCURACY=runs/accuracy
	$(BIN)/python -m tests.accuracy $(ACCURACY) $(ACCURACY_ARGS)

clean:  ## remove caches and build products; .venv stays (rm -r .venv removes it)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find workbench tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
