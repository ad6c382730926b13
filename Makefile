# `make` alone lists what there is.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-train test prove bench docs fmt clean dev

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: ## Prepare .venv with the modelwright command in it
	@sh tools/setup.sh

dev:
	@sh tools/setup.sh dev

demo: setup ## Make a custom model from examples/mario/Modelfile and ask it something
	@$(BIN)/modelwright demo

demo-train: dev ## Teach the starter 20 facts, and examine it before and after
	@$(BIN)/python -m tools.demo_train

test: dev ## Run the gate: format, lint, types, imports, docs, tests
	@$(BIN)/python tools/gate.py

prove: ## The gate at full count with all extras (one is compiled), then every bench
	@sh tools/setup.sh prove
	@PROVE=1 $(BIN)/python tools/gate.py
	@$(MAKE) --no-print-directory bench

bench: dev ## Run every bench; each ends with one JSON line
	@failed=0; for bench in bench/*.py; do \
	    [ -e "$$bench" ] || continue; \
	    echo "== $$bench"; $(BIN)/python "$$bench" || failed=1; \
	done; exit $$failed

docs: dev ## Write the generated pages anew
	@$(BIN)/python -m tools.docs

fmt: dev ## Format, and mend what ruff can mend
	@$(BIN)/ruff format --quiet src tests tools $(wildcard bench)
	@$(BIN)/ruff check --fix --quiet src tests tools $(wildcard bench)

clean: ## Remove .venv and every cache
	@rm -rf .venv build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
	@find src tests tools $(wildcard bench) -name __pycache__ -type d -prune -exec rm -rf {} +
