# What people do here; `make` alone lists it. The set-up itself is scripts/setup.py.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev voice demo test check bench docs pictures lock wheel clean

PYTHON ?= python3
BIN := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),.venv)/bin
# For the program that a target runs, e.g. make demo ARGS="--replay sample:ecg"
ARGS ?=
# make lock UPGRADE=1 takes the newest versions; without it the pinned ones stay where they still fit.
UPGRADE ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## install what is missing to run (system packages, Python, web client)
	@$(PYTHON) scripts/setup.py

setup-dev: ## the same, and what tests and checks need
	@$(PYTHON) scripts/setup.py --dev

voice: ## what is missing for the voice guide: PyTorch, a voice, the models (2.5 GB)
	@$(PYTHON) scripts/setup.py --voice

demo: setup ## start a session with a simulated patient; prints two addresses (ARGS="--replay sample:ecg")
	@$(BIN)/stillwater demo $(ARGS)

test: setup-dev ## run all tests (ARGS="-k ocean" for some of pytest's)
	@$(BIN)/python scripts/data_folder.py
	$(BIN)/python scripts/web.py npm test
	@# What lives in real time runs in two lanes, the longest first; pytest's 5: ARGS selected nothing here.
	$(BIN)/python -m pytest -n 2 -m "not e2e and not browser" $(ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 -m "e2e or browser" $(ARGS) || [ $$? -eq 5 ]

check: setup-dev ## format, lint, types, import directions, web types, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy scripts hatch_build.py
	$(BIN)/lint-imports
	$(BIN)/python scripts/web.py npm run check
	$(BIN)/python scripts/pages.py --check

bench: setup ## measure what this project claims, on this machine (ARGS="--json")
	@$(BIN)/stillwater bench $(ARGS)

docs: setup-dev ## regenerate the generated pages, check every link
	$(BIN)/python scripts/pages.py

pictures: setup-dev ## take the pictures of the documentation from a running demo
	$(BIN)/python scripts/pictures.py

lock: setup-dev ## pin every Python package again (UPGRADE=1: to the newest)
	$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

wheel: setup-dev ## build the wheel, web client inside, into dist/
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove what was built (not .venv, not recordings)
	rm -rf build dist vr_world/static web/node_modules .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
