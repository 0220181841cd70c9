# Every target sets up what it needs: a machine with Python 3.11 to 3.13, git and make is enough.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

# The tests of a file share servers and stay in one process; the longest come first.
TESTS ?= tests
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo demo-workflow test full check format bench generate screenshots lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed; name one: make PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (once; takes a minute or two)"
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(READY) ## a supervisor, two workers and a reviewer on a clone of this repository (AGENT=claude: real agents)
	@$(RUN) examples/demo.py $(AGENT)

demo-workflow: $(READY) ## a workflow from plan to merge, with worktrees, rework and a gate, on a clone (AGENT=claude: real agents)
	@$(RUN) examples/demo_workflow.py $(AGENT)

test: $(READY) ## run all tests (TESTS=tests/unit for some, WORKERS=1 for one process)
	@$(RUN) -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What `make test` does with small numbers, so that it ends in time.
FULL := CAO_CHAOS_SESSION_KILLS=20 CAO_CHAOS_NOTES=50 CAO_CHAOS_POINTS=48 CAO_CHAOS_KILLS=200 CAO_CHAOS_FULL_SECONDS=10 \
	CAO_CHAOS_ITEMS=1000 CAO_LOAD_SESSIONS=200 CAO_FUZZ=full CAO_FUZZ_EXAMPLES=4000 CAO_MACHINE_EXAMPLES=60 CAO_DOCS=full

full: $(READY) ## what is killed, loaded and fuzzed, at its full size: 20 sessions and 248 workflows killed, 1,000 queued items (an hour)
	@$(FULL) $(RUN) -m pytest tests/chaos tests/unit/workflows tests/acceptance/test_load.py tests/acceptance/test_fuzz.py \
		tests/acceptance/test_state_machines.py tests/acceptance/test_queue_machine.py tests/acceptance/test_docs.py

check: $(READY) ## format, lint, strict types, import rules, and whether generated files and docs are fresh
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m pyright
	$(VENV)/bin/lint-imports
	$(RUN) -m cao.generate --check
	$(RUN) -m cao.graphql.changes
	$(RUN) docs/generate.py --check
	$(RUN) docs/pictures.py --check

format: $(READY) ## format the code and mend what the linter can mend
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench: $(READY) ## measure, each number beside its baseline
	@$(RUN) -m benchmarks

generate: $(READY) ## write the client's typed interface, GraphQL's schema and the reference pages again
	$(RUN) -m cao.generate
	$(RUN) docs/generate.py
	$(RUN) docs/pictures.py

screenshots: $(READY) ## take the pictures of the page again, every screen, light and dark, phone and wide
	@$(RUN) -m docs.screenshots

COMPILE := $(RUN) -m uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet

lock: $(READY) ## pin all dependencies again, with hashes and without addresses
	$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	echo dbos | $(COMPILE) - -o benchmarks/dbos.lock
	@! grep -n '://' requirements.lock benchmarks/dbos.lock

clean: ## remove the environment, caches and build products
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
