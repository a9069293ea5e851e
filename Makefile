# The commands of this repository; each sets up what it needs first, and is quick about it when nothing is missing.
#   make up ARGS="--config FILE"   passes ARGS on to the lab;   make test ARGS="-k fingerprint"   to pytest
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv/bin
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help up down test test-all test-fast check mutants bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

up: ## boot the program's VMs on this computer
	@tools/setup run
	@$(VENV)/python -m lab up $(ARGS)

down: ## remove everything that `up` made, the built images stay
	@tools/setup run
	@$(VENV)/python -m lab down

test: check ## run the checks and every test; the boot suite needs root on Linux
	@$(VENV)/python -m pytest --numprocesses 2 --dist loadgroup $(ARGS)

test-all: check ## the same with all that can be tried: every kill point, Debian 13, all outages; takes an hour and a half
	@$(VENV)/python -m pytest --exhaustive --numprocesses 2 --dist loadgroup $(ARGS)

test-fast: check ## the same without booting machines
	@$(VENV)/python -m pytest -m "not boot" $(ARGS)

check: ## lint and types
	@tools/setup test
	@$(VENV)/ruff check .
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(VENV)/basedpyright --pythonpath $(VENV)/python

mutants: ## change the program in one place after another, and see whether the tests notice; takes an hour
	@tools/setup test
	@$(VENV)/python tools/mutants $(ARGS)

bench: ## measure, and write bench/results.md
	@tools/setup test
	@$(VENV)/python -m bench $(ARGS)

lock: ## pin the newest versions that requirements*.in allow, with hashes
	@tools/setup test
	@for name in requirements requirements-dev hosted/aws/requirements hosted/gcp/requirements hosted/azure/requirements; do \
	    $(VENV)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --no-annotate --strip-extras \
	        --custom-compile-command "make lock" --output-file $$name.txt $$name.in || exit 1; done

clean: ## remove what was built here; the lab's machines and images stay
	rm -rf .venv .setup.lock .pytest_cache .ruff_cache .hypothesis .mutants dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
