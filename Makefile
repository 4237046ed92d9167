# `make chat` and `make test` need python3 (3.10 or newer) with venv, make and git; the rest they install.
PYTHON ?= python3
VENV ?= .venv
SMOKE := $(VENV)-smoke
# The release the project is tested with. On Linux, PyPI's is a CUDA build of several gigabytes; to
# take the CPU build, point pip at PyTorch's CPU wheels: make chat TORCH="torch==2.13.0 --index-url URL"
TORCH ?= torch==2.13.0
# What `make bench` reads: readouts in the form of tests/jsonl_library.py.
DATA ?= ../shared/data/white-house-readouts.jsonl.gz
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: chat test check bench smoke clean

chat: $(VENV)/.installed
	$(BIN)/readout chat

test: $(VENV)/.test-installed
	sh tests/install_chromium.sh
	$(BIN)/pytest

check: $(VENV)/.test-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The first run installs five other tools beside, which use the torch that is here.
bench: $(VENV)/.test-installed
	PYTHON=$(BIN)/python sh tests/benchmark/install_peers.sh $(VENV)/peers
	$(BIN)/python -m tests.benchmark $(DATA) --peers $(VENV)/peers

# The package as pip installs it, in an environment of its own with nothing else in it.
smoke:
	rm -rf $(SMOKE) dist
	$(PYTHON) -m venv $(SMOKE)
	$(SMOKE)/bin/python -m pip --disable-pip-version-check --quiet wheel --no-deps --wheel-dir dist .
	$(SMOKE)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile $(TORCH)
	$(SMOKE)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile \
		--constraint constraints.txt dist/*.whl
	$(SMOKE)/bin/python tests/smoke.py "$(CURDIR)/$(SMOKE)/bin/python"

clean:
	rm -rf $(VENV) $(SMOKE) dist index/manifest.json index/generation-*

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'Python 3.10 or newer is needed')"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH)
	$(PIP) install --constraint constraints.txt --editable '.[formats]'
	touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@
