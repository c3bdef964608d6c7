# What a person does with this project. Everything runs in its own .venv; nothing is
# installed by hand. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo run test test-live check lint format lock schemas diagram prompts bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: deploy/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo 'A virtual environment could not be made; on Debian: apt-get install python3-venv' >&2; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --require-hashes -r deploy/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp deploy/requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements-dev.lock
	@touch $@

demo: $(VENV)/run.stamp ## place calls on the embedded lab switch and check what was kept
	$(BIN)/ivr demo

run: $(VENV)/run.stamp ## the service, with deploy/ivr.yaml, dialplan/ and prompts/ as they lie here
	$(BIN)/ivr serve --site deploy/ivr.yaml

test: $(VENV)/dev.stamp ## all tests that need no FreeSWITCH
	$(BIN)/pytest -n $(JOBS) -m "not live"

test-live: $(VENV)/dev.stamp ## the call scripts on an installed FreeSWITCH, over SIP and RTP
	$(BIN)/pytest -m live -rs

check: lint test ## all that a change must pass

lint: $(VENV)/dev.stamp ## format, lint, types, imports, configuration
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ivr check --site deploy/ivr.yaml
	$(BIN)/ivr retention check --site deploy/retention.yaml

format: $(VENV)/dev.stamp ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## speed, side by side with a stock greenswitch application
	$(BIN)/python -m tests.bench

schemas: $(VENV)/run.stamp ## write the JSON Schemas that editors use
	$(BIN)/ivr schema deploy/schemas

diagram: $(VENV)/run.stamp ## draw the call's states from the code
	$(BIN)/ivr diagram --output docs/call.svg
	$(BIN)/ivr diagram --format mermaid --output docs/call.mmd
	$(BIN)/ivr diagram --format mermaid-more --output docs/call-more.mmd

prompts: ## make the audio of prompts/ again (needs the extra `voice`; see prompts/README.md)
	$(PYTHON) prompts/make_audio.py

PIP_COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-emit-options \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

lock: $(VENV)/dev.stamp ## pin what is installed, with hashes
	$(PIP_COMPILE) --upgrade --output-file deploy/requirements.lock pyproject.toml
	$(PIP_COMPILE) --upgrade --allow-unsafe --extra dev --constraint deploy/requirements.lock \
	  --output-file deploy/requirements-dev.lock pyproject.toml

clean: ## remove what was built
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
