# Everything starts here: each target sets up what it needs (a virtual environment in .venv) and nothing else.
# Wants Python 3.11 or newer with pip, and make.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
# pip does not compile what it installs in place, and where PYTHONDONTWRITEBYTECODE is set no command does.
COMPILE := $(BIN)/python -m compileall -qq src

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench reliability conformance planted agree translation disclosure fuzz mutants lint format docs picture clean

help:  ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Salus needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python)." >&2; exit 2; }
	@test -x $(BIN)/python || { echo "Setting up .venv with $(PYTHON) ..."; $(PYTHON) -m venv .venv; }
	@echo "Installing Salus and what it needs ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@$(COMPILE)
	@touch $@

setup: $(READY)  ## the virtual environment, with Salus in it

demo: $(READY)  ## a synthetic community, every measure, who is left out: demo-output/scorecard.html, report.html
	@$(BIN)/salus demo

test: lint  ## ruff, mypy and every test
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY)  ## ruff (lint and format) and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)  ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)  ## measure speed and memory; writes docs/performance.md
	@$(COMPILE)
	@$(BIN)/python scripts/bench.py $(BENCH_ARGS)

reliability: $(READY)  ## do harm on purpose, for half an hour; writes docs/reliability.md
	@$(BIN)/python scripts/reliability.py $(RELIABILITY_ARGS)

conformance: $(READY)  ## the public test decks and the official CQL suite; writes docs/conformance.md
	@$(BIN)/python scripts/conformance.py $(DECKS)

translation: $(READY)  ## our ELM of the shared libraries beside the reference's; writes docs/translation.md
	@$(BIN)/python scripts/compare_elm.py --page docs/translation.md

disclosure: $(READY)  ## random releases attacked; writes docs/disclosure.md; `make disclosure DRAWS=20` is quicker
	@$(BIN)/python scripts/disclosure.py $(DRAWS)

N ?= 50
fuzz: $(READY)  ## expressions at random, both engines asked; `make fuzz N=1000` looks longer
	@$(BIN)/python scripts/fuzz.py $(N) $(FUZZ_ARGS)

mutants: $(READY)  ## patients of the test decks as other systems might write them, both engines asked
	@$(BIN)/python scripts/fuzz_records.py $(FUZZ_ARGS)

calibration: $(READY)  ## how often intervals hold the truth; writes docs/calibration.md
	@$(BIN)/python scripts/calibrate.py $(CALIBRATION_ARGS)

agree: $(READY)  ## the catalog on both engines over one large synthetic community; writes docs/engines.md
	@$(BIN)/python scripts/agree.py $(AGREE_ARGS)

planted: $(READY)  ## planted gaps against those found, in 1,200 synthetic communities; writes docs/planted.md
	@$(BIN)/python scripts/planted.py $(PLANTED_ARGS)

docs: $(READY)  ## the pages of docs/ that are made from the code, and all of docs/ as a site: site/index.html
	@$(BIN)/python scripts/make_docs.py
	@$(BIN)/python scripts/doc_site.py

picture: demo  ## the picture of the scorecard that README shows (needs chromium)
	@scripts/picture.sh

clean:  ## what the other targets made
	rm -rf .venv demo-output site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
