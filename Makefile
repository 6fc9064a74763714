# Set-up, tests and building, for Linux and macOS. README.md has the plain commands for Windows.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
# The site has packages of its own, which no learner needs.
SITE_VENV := .venv-site
SITE_RUN := $(SITE_VENV)/bin/python
SITE_READY := $(SITE_VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup lab test lint lock build site bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv and install the locked packages and the course

# Prints nothing when $(PYTHON) will do, else why not. Old Pythons must be able to read it.
define CHECK
import sys
version = sys.version_info[:2]
if not (3, 11) <= version <= (3, 13):
    sys.exit("$(PYTHON) is Python %d.%d; the course needs 3.11, 3.12 or 3.13. Name one: make setup PYTHON=python3.12" % version)
try:
    import ensurepip, venv
except ImportError:
    sys.exit("$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python%d.%d-venv)" % version)
endef
export CHECK

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11, 3.12 or 3.13, or name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c "$$CHECK"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --requirement requirements.lock
	$(RUN) -m pip install --no-deps --editable .
	@touch $@

# An address and not a file: with a file, JupyterLab would show that file's folder only. As root, who
# one is in most containers, it starts only when told to. OPTIONS="--no-browser --port 8899" adds to it.
lab: $(READY)  ## open the course in JupyterLab
	$(RUN) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(OPTIONS)

test: $(READY)  ## run the tests and all notebooks
	$(RUN) -m pytest --numprocesses 2 --dist loadfile

lint: $(READY)  ## check the code's style
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

build: $(READY)  ## make the notebooks from chapters/
	$(VENV)/bin/course build

bench: $(READY)  ## measure what the course costs, in half an hour with nothing else running
	$(VENV)/bin/course bench

# SITE_INSTALL="uv pip install --python $(SITE_RUN)" is faster where uv is.
SITE_INSTALL ?= $(SITE_RUN) -m pip install
$(SITE_READY): requirements-site.lock pyproject.toml
	@$(PYTHON) -c "$$CHECK"
	$(PYTHON) -m venv $(SITE_VENV)
	$(SITE_INSTALL) --requirement requirements-site.lock
	$(SITE_INSTALL) --no-deps --editable .
	@touch $@

site: $(SITE_READY)  ## make the pages to read, in build/site
	$(SITE_VENV)/bin/course site

COMPILE = $(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
  --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: $(READY)  ## write the locks anew, keeping the versions that still fit
	$(RUN) -m pip install --quiet uv
	$(COMPILE) --extra lab --extra test --extra jax --extra cluster pyproject.toml --output-file requirements.lock
	$(COMPILE) --group site --constraint requirements.lock --output-file requirements-site.lock

clean:  ## remove the environments and what tests and builds leave behind
	rm -rf $(VENV) $(SITE_VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
