# make run: set up, run the default configuration, end with the path of the report.
# make test: set up, run all tests. Everything lives in .venv; delete it to start anew.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
CORES ?= all

.PHONY: run install test lint clean

run: install
	PATH="$(BIN):$$PATH" snakemake --cores $(CORES)
	@echo "The report is results/report.html"

install: $(VENV)/installed

test: $(VENV)/installed-dev
	PATH="$(BIN):$$PATH" pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-dev
	PATH="$(BIN):$$PATH" ruff check
	PATH="$(BIN):$$PATH" ruff format --check
	PATH="$(BIN):$$PATH" mypy
	PATH="$(BIN):$$PATH" lint-imports
	PATH="$(BIN):$$PATH" snakefmt --check Snakefile workflow

clean:
	rm -rf $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "motifloom needs Python 3.11 or newer; make PYTHON=... names one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --constraint constraints.txt --editable '.[dev]'
	touch $@
