# `make` alone lists what can be done. Each target installs what it needs into .venv, once.
VENV := .venv
PYTHON := $(VENV)/bin/python
# Wheels only: a package that is built on the way in would fetch its build tools unpinned. `make run WHEELS=` lifts it.
WHEELS := --only-binary :all:
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(PYTHON) -m pip install
LOCK := $(PYTHON) -m uv --quiet pip compile --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

.PHONY: help run test test-pythons check lint types rooms numbers format docs env-example lock bench clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1	/p' Makefile | expand -t 24

run: $(VENV)/.run  ## serve http://127.0.0.1:8000; Ctrl+C stops it
	@$(PYTHON) app.py

# Compiled once, not at each start: the tests start many processes.
test test-pythons: export PYTHONDONTWRITEBYTECODE :=

# The whole suite in as many processes as the machine has processors, up to four: each starts a PostgreSQL.
test: $(VENV)/.dev  ## run every test; one alone: make test ARGS="-k refresh"
	@$(PYTHON) -m pytest $(if $(ARGS),$(ARGS),-q -n auto --maxprocesses 4 --dist loadfile)

check: lint types rooms numbers  ## all of the next four; `make -k check` goes on after a red one

lint: $(VENV)/.dev  ## ruff: lint and form
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: $(VENV)/.dev  ## mypy and pyright, both strict
	$(PYTHON) -m mypy --strict
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(PYTHON) -m pyright

rooms: $(VENV)/.dev  ## import-linter: arrows point down
	$(VENV)/bin/lint-imports --no-cache

numbers: $(VENV)/.dev  ## sizes, docstrings, cycles, what two requests take to read
	$(PYTHON) .ci/house.py

format: $(VENV)/.dev  ## put the code into its form and mend what ruff can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: $(VENV)/.dev  ## the manual as a site that needs no network: build/site/index.html
	$(PYTHON) .ci/manual.py
	$(VENV)/bin/zensical build --clean --strict --config-file build/zensical.toml

env-example: $(VENV)/.run  ## write .env.example anew, from the settings
	$(PYTHON) -c 'from coatcheck.settings import example; print(example(), end="")' > .env.example

# uv installs it again in seconds; versions that this machine lacks are passed over with a line.
# pyenv's python3.12 answers only while PYENV_VERSION names it. Side by side: neither needs two processors.
test-pythons: $(VENV)/.dev  ## run the unit tests on Python 3.12 and 3.13 too, where installed
	@PYENV_VERSION=$$(pyenv versions --bare 2>/dev/null | tr '\n' ':'); export PYENV_VERSION; running=; \
	for version in 3.12 3.13; do \
		if ! python$$version -c '' 2>/dev/null; then echo "Python $$version is not installed: passed over."; continue; fi; \
		[ -x $(VENV)-$$version/bin/python ] || python$$version -m venv --clear --without-pip $(VENV)-$$version || exit 1; \
		$(PYTHON) -m uv --quiet pip install --python $(VENV)-$$version/bin/python --require-hashes $(WHEELS) \
			-r requirements/run.txt -r requirements/dev.txt || exit 1; \
		$(PYTHON) -m uv --quiet pip install --python $(VENV)-$$version/bin/python --no-build-isolation --no-deps -e . || exit 1; \
		echo "Unit tests on Python $$version: tail -f $(VENV)-$$version/tests.log shows how far they are."; \
		$(VENV)-$$version/bin/python -m pytest -q -p no:cacheprovider -m "not slow" --ignore=tests/black_box \
			--ignore=tests/browser --ignore=tests/faults --ignore=tests/docs --ignore=tests/cli $(ARGS) >$(VENV)-$$version/tests.log 2>&1 & \
		running="$$running $$version=$$!"; \
	done; \
	failed=0; \
	for one in $$running; do \
		wait $${one#*=} || failed=1; \
		echo "Python $${one%=*}:"; tail -n 40 $(VENV)-$${one%=*}/tests.log; \
	done; exit $$failed

lock: $(VENV)/.dev  ## write the lock files anew; newer versions: make lock UPGRADE=--upgrade
	$(LOCK) pyproject.toml requirements/run.in -o requirements/run.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt

bench: $(VENV)/.dev  ## run the benchmarks, side by side
	@for script in benchmarks/[a-z]*.py; do echo "$$script"; $(PYTHON) "$$script" $(ARGS) || exit 1; done

clean:  ## remove environments, caches and builds; data/ stays
	rm -rf $(VENV) $(VENV)-3.* build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find app.py src todos tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# An environment belongs to the folder it was made in: a copy would go on importing the original's source.
ifneq ($(shell cat $(VENV)/.made-in 2>/dev/null),$(CURDIR))
.PHONY: $(PYTHON)
endif

$(PYTHON):
	@for name in python3 python3.14 python3.13 python3.12 python3.11 none; do \
		"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ "$$name" = none ]; then \
		echo "Coatcheck needs Python 3.11 or later with its venv module: install it (on Debian or Ubuntu:" \
			"apt-get install python3 python3-venv) and run make again." >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$name" --version)"; \
	"$$name" -m venv --clear $(VENV) && pwd -P > $(VENV)/.made-in

$(VENV)/.run: requirements/run.txt pyproject.toml $(PYTHON)
	@echo "Installing what the application runs on, hash-checked, into $(VENV) (once)"
	@$(PIP) --require-hashes $(WHEELS) -r requirements/run.txt
	@$(PIP) --quiet --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what tests and checks need, hash-checked, into $(VENV) (once; it brings a PostgreSQL)"
	@$(PIP) --require-hashes $(WHEELS) -r requirements/dev.txt
	@touch $@
