# Needs Python 3.11 or newer, make and pip; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check messages constraints clean
.DELETE_ON_ERROR:

demo: $(VENV)/.ready
	@$(BIN)/scheduler demo --dir demo

test: $(VENV)/.ready-dev check
	$(BIN)/pytest -n 2

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# `venv --without-pip` and `pip --python` work where the packages python3-venv and ensurepip are missing.
$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m pip --python $(VENV) install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PYTHON) -m pip --python $(VENV) install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

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
	rm -rf $(VENV) demo dist build
