# Two commands: `make demo` shows handrail at work, `make test` checks it, the frameworks it integrates with included.
# Both need Python 3.11+, git and make; everything else is installed into .venv.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(strip $(PYTHON)),)
$(error handrail needs Python 3.11 or newer; install it, or say which one with PYTHON=/path/to/python)
endif

VENV := .venv
# processes that share the tests
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
DIGEST := $(shell $(PYTHON) -c 'import hashlib; print(hashlib.sha256(open("pyproject.toml", "rb").read()).hexdigest()[:16])')
INSTALLED := $(VENV)/.installed-$(DIGEST)
TESTABLE := $(VENV)/.testable-$(DIGEST)
LINTABLE := $(VENV)/.lintable-$(DIGEST)

CONSOLE := src/handrail/server/console/index.html
CONSOLE_SOURCES := hatch_build.py $(shell find console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: demo test test-integrations test-integration conformance lint docs console browser clean

demo: $(INSTALLED) $(CONSOLE)
	$(BIN)/handrail demo $(DEMO_ARGS)

test: $(TESTABLE) $(CONSOLE) browser
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(PYTEST_ARGS)
	$(BIN)/python -m tests.integrations.run $(INTEGRATION_ARGS)

# the adapters alone, each against its real framework in an environment under .venvs; one of them with NAME=langgraph
test-integrations: $(TESTABLE)
	$(BIN)/python -m tests.integrations.run $(INTEGRATION_ARGS)

test-integration: $(TESTABLE)
	$(BIN)/python -m tests.integrations.run $(INTEGRATION_ARGS) $(or $(NAME),$(error say which: NAME=langgraph))

lint: $(TESTABLE) $(LINTABLE)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# run the conformance list against every framework and write what it found: the table of docs/reference/frameworks.md
conformance: export HANDRAIL_CONFORMANCE_RESULTS := $(CURDIR)/src/handrail/integrations/results
conformance: $(TESTABLE)
	$(BIN)/python -m pytest tests/integrations/plain
	$(BIN)/python -m tests.integrations.run $(INTEGRATION_ARGS) $(NAME)
	$(MAKE) docs

# the generated reference pages
docs: $(INSTALLED)
	$(BIN)/python docs/generate.py

console: $(CONSOLE)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# pip below 25.1 does not know dependency groups; the editable install leaves the console to the rule below
$(INSTALLED): | $(VENV)/bin/python
	$(PIP) install --quiet --upgrade "pip>=25.1"
	HANDRAIL_SKIP_CONSOLE=1 $(PIP) install --quiet --editable ".[ml]"
	@rm -f $(VENV)/.installed-* && touch $@

$(TESTABLE): $(INSTALLED)
	$(PIP) install --quiet --group test
	@rm -f $(VENV)/.testable-* && touch $@

$(LINTABLE): $(INSTALLED)
	$(PIP) install --quiet --group lint
	@rm -f $(VENV)/.lintable-* && touch $@

$(CONSOLE): $(CONSOLE_SOURCES) | $(INSTALLED)
	$(BIN)/python hatch_build.py
	@touch $@

# browser tests drive a system Chromium; without one they are skipped and say so
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		become=; [ "$$(id -u)" = 0 ] || become="sudo -n"; \
		command -v apt-get >/dev/null && $$become true 2>/dev/null \
		&& echo "installing Chromium for the browser tests" \
		&& $$become apt-get update -qq && $$become env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null; } \
	|| echo "no Chromium, and none can be installed here: browser tests will be skipped"

clean:
	rm -rf $(VENV) .venvs build dist src/handrail/server/console console/node_modules
