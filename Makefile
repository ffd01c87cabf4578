# Tocsin: everything a developer runs. A fresh machine needs python3 (3.11 or newer), pip and make; the rest is put
# into .uv (the installer) and .venv (the tools, pinned with hashes in requirements.lock).
#
#   make demo    a breach in about a dozen commands       make demo-full  with a compromised tenant and a killed worker
#   make test    the tests, on the default Python        make tiers      the other tiers: browser, shipped files, kills, servers
#   make check   format, lint, types, layers, docs, lock, every tier once, coverage on another Python
#   make test-all every test on 3.11 and 3.13, whichever are here
#   make docs    the documentation, strictly             make bench      against the peers, in their own environments
#   make soak    kill the worker at random for minutes   make lock       pin the dependencies again
#   make nightly the above on each Python, with all plays of exercises; make fuzz is a part of it
#   make release the files of a release, with checksums   make image    an image for containers from them
#   make servers real peers that the tests talk to        make golden     write the golden files again

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.9
SYNAPSE_VERSION := 1.163.2
ATHERIS_VERSION := 3.0.0
# The clients of the vendors whose APIs the actions call, and moto, which stands in for AWS.
VENDORS := boto3 crowdstrike-falconpy flask flask-cors ghapi google-api-python-client moto[iam] msal msgraph-sdk okta threema.gateway
PYTHONS := 3.11 3.13
TESTS ?=
# The whole suite takes every core; a choice of tests runs in one process, where a debugger and -s work.
WORKERS ?= auto
PYTEST = -m pytest $(if $(TESTS),$(TESTS),-n $(WORKERS) --dist worksteal) $(SELECT)
# Each test is in one tier. `make test` runs the first, which a developer waits for; `make tiers` runs the others. In them are the tests that
# drive a browser, play shipped files, start or kill processes, or keep a home in PostgreSQL (those of the store do it in the first).
OTHERS := (browser or shipped or slow or twin)
FIRST := -m "not soak and not nightly and not $(OTHERS)"
TIER ?= $(OTHERS)
# Another Python runs the first tier without the surfaces, which hardly depend on the version; `make nightly` has all tests on each.
CODE := $(FIRST) $(foreach folder,cli web docs integrations,--ignore=tests/$(folder))

UV := .uv/bin/uv
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export UV_LINK_MODE := copy
# Python keeps what it compiled, whatever the environment says: the tests start hundreds of processes, and each would compile again.
unexport PYTHONDONTWRITEBYTECODE
# The loopback is all a test may reach, so no proxy may stand between a test and its own server.
export NO_PROXY := 127.0.0.1,::1,localhost

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# --- Environments ----------------------------------------------------------------------------------------------

# The installer, in an environment of its own. Without the venv module (Debian splits it off) pip alone will do.
$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.11 or newer (Debian: apt-get install python3 python3-pip), or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@rm -rf .uv
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && $(PYTHON) -m venv .uv; then \
	  .uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  rm -rf .uv && $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv 'uv==$(UV_VERSION)'; \
	else \
	  rm -rf .uv; \
	  echo "make: $(PYTHON) has neither the venv module nor pip: install one of them (Debian: apt-get install python3-venv, or python3-pip)" >&2; exit 1; \
	fi || { rm -rf .uv; echo "make: uv $(UV_VERSION) could not be installed: is the package registry that pip uses reachable?" >&2; exit 1; }
	@test -x $(UV) || { rm -rf .uv; echo "make: uv was installed without its program; please report this" >&2; exit 1; }

# One environment: $(1) its folder, $(2) what uv may take for its Python. An existing one is brought up to date, never thrown away.
define environment
	@test -x $(1)/bin/python || { rm -rf $(1) && $(UV) venv --quiet --python '$(2)' $(1); } \
	  || { echo "make: no Python $(2) on this machine (Debian: apt-get install python3; or name one: make PYTHON=/path/to/python)" >&2; exit 1; }
	@$(1)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(1) holds a Python older than 3.11: remove that folder and run make again" >&2; exit 1; }
	$(UV) pip sync --quiet --python $(1)/bin/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@
endef

# The default Python when it is new enough, else any on this machine that is.
DEFAULT_PYTHON = $(shell $(PYTHON) -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else ">=3.11")' 2>/dev/null || echo '>=3.11')

.venv/installed: requirements.lock pyproject.toml | $(UV)
	$(call environment,.venv,$(DEFAULT_PYTHON))

.venv-%/installed: requirements.lock pyproject.toml | $(UV)
	$(call environment,.venv-$*,$*)

.PHONY: install catalogue pack release image lock lock-check
install: .venv/installed catalogue ## Create or update the environment in .venv

# The law and the notices, compiled: the first command of a new home reads them. Under other texts or other code they are made again.
catalogue: .venv/installed
	@$(BIN)/python hatch_build.py

LOCKED := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
          --no-emit-find-links --no-annotate
LOCK := $(LOCKED) --all-extras --group dev --group docs pyproject.toml

pack: .venv/installed ## Make a pack of the law in dist (KEY=publisher.pem to sign)
	$(BIN)/python -m tests.law.make_pack dist $(KEY)

# What makes a release besides the build itself: pip, which collects wheels, and the writer of the SBOM.
.venv-release/tools: .ci/release.lock | $(UV)
	@test -x .venv-release/bin/python || { rm -rf .venv-release && $(UV) venv --quiet --python '$(DEFAULT_PYTHON)' .venv-release; }
	$(UV) pip sync --quiet --python .venv-release/bin/python --require-hashes .ci/release.lock
	@touch $@

release: .venv/installed .venv-release/tools ## Build the files of a release from the last commit in dist/release (KEY=ssh-key to sign)
	rm -rf dist/release
	$(BIN)/python .ci/release.py dist/release $(KEY)

image: ## Build an image for containers from dist/release, in dist/tocsin.oci.tar (root, buildah, mmdebstrap)
	rm -f dist/tocsin.oci.tar
	sh .ci/image dist/release dist/tocsin.oci.tar

lock: | $(UV) ## Pin every dependency again, at the newest versions allowed
	$(UV) $(LOCK) --upgrade --output-file requirements.lock
	echo 'matrix-synapse==$(SYNAPSE_VERSION)' >.uv/synapse.in
	$(UV) $(LOCKED) .uv/synapse.in --upgrade --output-file tests/servers/synapse.lock
	printf '%s\n' cyclonedx-bom pip >.uv/release.in
	$(UV) $(LOCKED) .uv/release.in --upgrade --output-file .ci/release.lock
	printf '%s\n' $(VENDORS) >.uv/vendors.in
	$(UV) $(LOCKED) .uv/vendors.in --upgrade --output-file tests/servers/vendors.lock
	echo 'atheris==$(ATHERIS_VERSION)' >.uv/atheris.in
	$(UV) $(LOCKED) .uv/atheris.in --upgrade --output-file tests/servers/atheris.lock

# Real peers that the tests talk to, besides those of the system (postgresql, postfix, dovecot, ntfy): a Matrix homeserver in an
# environment of its own, too large to be everybody's, and an SMSC that runs on Node. With it comes Twilio's description of its interface.
# The clients of the vendors whose APIs the actions call are in an environment of their own, too. axe checks the web pages.
.PHONY: servers
servers: .venv-synapse/servers .venv-vendors/servers tests/servers/node_modules/.package-lock.json ## Put real servers and vendors' clients here, for the tests

.venv-synapse/servers .venv-vendors/servers .venv-atheris/servers: .venv-%/servers: tests/servers/%.lock | $(UV)
	@test -x .venv-$*/bin/python || { rm -rf .venv-$* && $(UV) venv --quiet --python '$(DEFAULT_PYTHON)' .venv-$*; }
	$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes tests/servers/$*.lock
	@touch $@

tests/servers/node_modules/.package-lock.json: tests/servers/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is missing: the tests against an SMSC and a vendor's description are skipped (Debian: apt-get install nodejs npm)" >&2; exit 1; }
	cd tests/servers && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# The lock answers to pyproject.toml: resolving again from the lock must change nothing.
lock-check: | $(UV)
	@cp requirements.lock .uv/requirements.lock
	@if $(UV) $(LOCK) --output-file .uv/requirements.lock >.uv/lock.log 2>&1; then \
	  cmp -s requirements.lock .uv/requirements.lock \
	    || { diff requirements.lock .uv/requirements.lock | head -n 20; echo "make: requirements.lock is behind pyproject.toml: run 'make lock'" >&2; exit 1; }; \
	elif grep -qiE 'failed to fetch|error sending request|dns error|failed to lookup|timed out|connection (refused|reset)' .uv/lock.log; then \
	  echo "lock-check: SKIPPED, the package registry does not answer" >&2; \
	else cat .uv/lock.log >&2; exit 1; fi

# --- Tests and checks ------------------------------------------------------------------------------------------

.PHONY: test tiers test-all coverage-others nightly fuzz lint format format-check style types floors dependencies coverage docs check golden soak bench bench-web pictures demo demo-full clean $(PYTHONS:%=test-%)
# The tests make thousands of small databases; in memory they do not wait for the disk. `make soak` and `make nightly` use the disk.
MEMORY = $(shell awk '$$2 == "/dev/shm" && $$4 !~ /noexec/ {print $$2; exit}' /proc/mounts 2>/dev/null | xargs -r df -Pk | awk 'NR > 1 && $$4 > 8000000 {print $$6}')
test tiers coverage $(PYTHONS:%=test-%): export TMPDIR := $(or $(TMPDIR),$(MEMORY),/tmp)

test: .venv/installed catalogue ## Run the tests on the default Python (TESTS=path to choose, then of every tier)
	$(BIN)/python $(PYTEST) $(if $(TESTS),,$(FIRST))

tiers: .venv/installed catalogue ## Run the other tiers: browser, shipped files, processes, PostgreSQL (TIER=browser to choose)
	$(BIN)/python $(PYTEST) -m "not soak and not nightly and $(TIER)"

# Each version in an environment of its own; one that is not on this machine is skipped, loudly.
$(PYTHONS:%=test-%): test-%: | $(UV)
	@if $(UV) python find --quiet --system '$*' >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory .venv-$*/installed && echo "=== Python $*" && .venv-$*/bin/python $(PYTEST); \
	else \
	  echo "############ Python $* is not on this machine: its tests are SKIPPED ############" >&2; \
	fi

test-all: $(PYTHONS:%=test-%) ## Run the tests on Python 3.11 and 3.13, whichever are here

lint: format-check style types floors dependencies ## Format, lint, types, floors, dependencies

format-check: .venv/installed
	$(BIN)/ruff format --check .
style: .venv/installed
	$(BIN)/ruff check .
types: .venv/installed
	$(BIN)/mypy
floors: .venv/installed
	$(BIN)/lint-imports --no-logo
dependencies: .venv/installed
	$(BIN)/deptry .

format: .venv/installed ## Write the code as the formatter and the linter would have it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The rooms where an untested branch could lose a clock or an event, measured by the tests below the surfaces alone: the command line and
# the web pages use more of them. The bar only rises: set it to what a run reaches.
PURE := base facts law routing playbook incident yamlfile files
BAR := 85
empty :=
space := $(empty) $(empty)
comma := ,
COVERED := $(PURE:%=--cov=runner/%) --cov-branch --cov-report=
REPORT := $(BIN)/coverage report --include='$(subst $(space),$(comma),$(PURE:%=runner/%/*))' --fail-under=$(BAR)
coverage: .venv/installed catalogue ## Branches of model, engine and loading are tested, by the tests below the surfaces
	$(BIN)/python -m pytest --quiet $(CODE) -n $(WORKERS) --dist worksteal $(COVERED)
	$(REPORT)

# The same tests on another Python: one run for both, so no test runs twice on one. Without another one, the default measures.
coverage-others: .venv/installed
	@default=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for version in $(PYTHONS); do \
	  if test "$$version" != "$$default" && $(UV) python find --quiet --system "$$version" >/dev/null 2>&1; then \
	    $(MAKE) --no-print-directory "test-$$version" SELECT='$(CODE) $(COVERED)' && $(REPORT); exit; \
	  fi; \
	done; \
	$(MAKE) --no-print-directory coverage

docs: .venv/installed ## Build the documentation into docs/_build, warnings are errors
	$(BIN)/python -m sphinx --nitpicky --fail-on-warning --keep-going --quiet -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

check: lint docs lock-check coverage-others test tiers ## Everything that must hold before a commit: each tier once

golden: .venv/installed catalogue ## Write the golden files, the pages' outputs and the reference tables; read the difference
	TOCSIN_UPDATE_GOLDEN=1 $(BIN)/python $(PYTEST)

soak: .venv/installed catalogue ## Kill the worker at random, 200 times, on both stores; start commands cold, 20 times
	$(BIN)/python -m pytest -m soak -s $(TESTS)

nightly: .venv/installed catalogue ## What takes hours: plays of all exercises, random kills, all tests on each Python
	$(BIN)/python -m pytest -m nightly -n $(WORKERS) --dist worksteal $(TESTS)
	$(MAKE) --no-print-directory bench-web
	$(MAKE) --no-print-directory soak
	$(MAKE) --no-print-directory fuzz
	$(MAKE) --no-print-directory test-all

# Of one Python with .venv, so that it can be put beside the program.
fuzz: .venv/installed catalogue .venv-atheris/servers ## Damage the bytes that each reader takes from outside (SECONDS=60 for each)
	@mkdir -p .fuzz; site=$$(ls -d "$$PWD"/.venv-atheris/lib/python*/site-packages); \
	names=$$(PYTHONPATH=$$site $(BIN)/python -m tests.fuzz.fuzz 2>.fuzz/log); \
	test -n "$$names" || { tail -n 9 .fuzz/log; echo "make: no reader to fuzz was named" >&2; exit 1; }; \
	for name in $$names; do \
	  echo "=== $$name"; \
	  PYTHONPATH=$$site $(BIN)/python -m tests.fuzz.fuzz $$name -max_total_time=$(or $(SECONDS),60) -artifact_prefix=.fuzz/$$name- \
	    >.fuzz/$$name.log 2>&1 && tail -n 1 .fuzz/$$name.log || { grep -v 'Instrumenting' .fuzz/$$name.log | tail -n 40; exit 1; }; \
	done

pictures: .venv/installed catalogue ## Make the pictures of the web pages in the docs
	TOCSIN_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -m nightly tests/web/room/test_pictures.py

bench-web: .venv/installed catalogue ## Measure the web pages: 500 viewers of one incident, and an incident of 500 tasks
	$(BIN)/python -m tests.benchmarks.ours.viewers

bench: .venv/installed catalogue ## Measure against the peers, each in its own environment under .bench (ONLY=W1,V to choose)
	$(BIN)/python -m tests.benchmarks.run --uv $(UV) $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

demo: .venv/installed catalogue ## Work a breach from first fact to proof, on this machine alone
	@$(BIN)/python tests/demo/demo.py

demo-full: .venv/installed catalogue ## Work a breach with a compromised tenant and a killed worker
	@$(BIN)/python tests/demo/full.py

clean: ## Remove what the tools left behind (keeps the environments)
	rm -rf docs/_build dist build demo-output playbooks/compiled .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv*' -not -path './.bench/*' -prune -exec rm -rf {} +
