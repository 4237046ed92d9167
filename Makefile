# `make chat` and `make test` need python3 (3.10 or newer) with venv, make and git; the rest they install.
PYTHON ?= python3
VENV ?= .venv
SMOKE := $(VENV)-smoke
# The release the project is tested with. On Linux, PyPI's is a CUDA build of several gigabytes; to
# take the CPU build, point pip at PyTorch's CPU wheels: make chat TORCH="torch==2.13.0 --index-url URL"
TORCH ?= torch==2.13.0
# What `make bench` reads: a JSONL file of readouts.
DATA ?= ../shared/data/white-house-readouts.jsonl.gz
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

AUDIT := $(VENV)-audit/bin
AUDIT_TOOLS := cyclonedx-bom==7.5.0 pip-audit==2.10.1 pip-licenses==5.5.5

.PHONY: chat test check bench smoke torture lock sbom audit clean

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

# The long part of the experiments of tests/torture: an hour or more. LIBRARY is a built library to
# quote from, SEED one to repeat.
torture: $(VENV)/.test-installed
	$(BIN)/python -m tests.torture $(if $(SEED),--seed $(SEED)) $(if $(LIBRARY),--library $(LIBRARY)) \
		--report docs/reliability.md

# The files that the releases in constraints.txt have, on every platform.
lock: $(VENV)/.test-installed
	$(PIP) install uv
	$(BIN)/python tests/lock.py

# What is installed: as a CycloneDX bill of materials, and with licences. `audit` asks PyPI about known vulnerabilities.
sbom: $(VENV)/.installed $(AUDIT)/.installed
	$(AUDIT)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
		-o sbom.json requirements.txt
	$(AUDIT)/pip-licenses --python $(BIN)/python --ignore-packages readout-assistant \
		--format=markdown --output-file docs/licences.md

audit: $(AUDIT)/.installed
	$(AUDIT)/pip-audit --disable-pip --requirement requirements.txt

$(AUDIT)/.installed:
	$(PYTHON) -m venv $(VENV)-audit
	$(AUDIT)/python -m pip install --quiet $(AUDIT_TOOLS)
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-audit $(SMOKE) dist index/manifest.json index/generation-*

$(VENV)/.installed: pyproject.toml requirements.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'Python 3.10 or newer is needed')"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH)
	$(PIP) install --no-deps --require-hashes --requirement requirements.txt
	$(PIP) install --no-deps --editable '.[formats]'
	$(BIN)/python -m pip check
	touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@
