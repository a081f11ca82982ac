# The verbs of Taskbell. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
COMPOSE ?= docker compose
export PYTHONUNBUFFERED := 1
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Run

.PHONY: run
run: .venv/.run ## start everything in this terminal: stores, API, worker, admin; Ctrl-C stops it
	@exec $(BIN)/python -m scripts.run

.PHONY: migrate
migrate: .venv/.run ## bring the database of .env to this tree's schema
	@$(BIN)/python -m db.migrate && $(BIN)/python -m admin_site.migrate

.PHONY: psql
psql: .venv/.run ## a psql session as the login of DATABASE_URL
	@exec $(BIN)/python -m scripts.psql $(ARGS)

.PHONY: key
key: .venv/.run ## make an API key: make key NAME=shop ROLE=producer
	@$(BIN)/python -m scripts.key "$(NAME)" "$(ROLE)"

.PHONY: superuser
superuser: .venv/.run ## make a user for the admin, asking, or from DJANGO_SUPERUSER_*
	@$(BIN)/python -m scripts.superuser

##### Compose

.PHONY: up
up: ## build and start the compose stack
	@$(PYTHON) -m scripts.environment
	@$(COMPOSE) build
	@$(COMPOSE) run --rm migrate # by itself first: should it fail, what runs goes on
	@$(COMPOSE) up --detach --wait

.PHONY: down
down: ## stop the compose stack, pgAdmin too; its data stays
	@$(COMPOSE) --profile pgadmin down

.PHONY: logs
logs: ## follow the compose stack's logs
	@$(COMPOSE) logs --follow --tail 100

##### Work on it

.PHONY: test
test: .venv/.dev ## the whole suite against real servers, its database half also on Debian's Postgres 15
	@$(BIN)/python -m scripts.test $(ARGS)

.PHONY: check
check: .venv/.dev ## linters, types, import rules, SQL style, docs up to date
	@$(BIN)/python -m scripts.check

.PHONY: check-mutants
check-mutants: .venv/.dev ## take each safeguard out on a copy, see that tests notice; writes the outcome into the docs
	@$(BIN)/python -m scripts.mutants

.PHONY: fmt
fmt: .venv/.dev ## format Python, mend what linters can mend
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

.PHONY: bench
bench: .venv/.dev ## measure throughput and latency on servers of its own
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: bench-long
bench-long: .venv/.dev ## drains with millions of rows, with a transaction held open; an hour of load
	@$(BIN)/python -m tests.benchmarks --long $(ARGS)

.PHONY: bench-peers
bench-peers: .venv/.dev ## the same jobs for Taskbell and other queues, in turns: PEERS=folder of their harness
	@$(BIN)/python -m tests.benchmarks.beside $(ARGS)

.PHONY: docs
docs: .venv/.dev ## write docs/reference from catalogue, OpenAPI and settings
	@$(BIN)/python -m scripts.docs

.PHONY: lock
lock: .venv/.dev ## pin requirements*.in again, with hashes, for every platform
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header $$name.in --output-file $$name.txt || exit 1; done

.PHONY: clean
clean: ## remove what was made here but .env: .venv, caches, and .data with the database (asks)
	@$(PYTHON) -m scripts.clean

##### What the verbs stand on: the virtual environment, made and filled when the pins changed

.venv/bin/python:
	@$(PYTHON) -m scripts.venv

TASK_REQUIREMENTS := $(wildcard worker/tasks/requirements.txt)

.venv/.run: requirements.txt $(TASK_REQUIREMENTS) | .venv/bin/python
	@$(PYTHON) -m scripts.venv requirements.txt $(TASK_REQUIREMENTS)
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@$(PYTHON) -m scripts.venv requirements-dev.txt
	@touch $@ .venv/.ready
