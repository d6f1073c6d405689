# Targets only call local/, commands/ (`./skyinfra`), bench/, the test runner or linters. `make help` lists them.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
STACK ?= local
HOME ?= $(shell getent passwd "$$(id -u)" | cut -d: -f6)
SET_UP = $(or $(SKYCOIN_STATE),$(or $(XDG_STATE_HOME),$(HOME)/.local/state)/skycoin-infrastructure)
# State folder of an earlier version, until `make up` has moved it.
EARLIER = $(or $(SKYCOIN_STATE),$(CURDIR)/local/state)
# All files are UTF-8, whatever the locale is.
export PYTHONUTF8 = 1
# Containers of CI often set this. Each start of a command, a plugin or a test would then compile its modules again.
unexport PYTHONDONTWRITEBYTECODE
# These targets always use the set-up's backend, also in a shell whose PULUMI_BACKEND_URL names another backend.
SKYINFRA = SKYINFRA_BACKEND=set-up $(PYTHON) -m commands
GIVEN_NODE = $(or $(NODE),$(error give NODE=name: `make $@ NODE=node-1`))
GIVEN_NAME = $(or $(NAME),$(error give NAME=workspace: `make $@ NAME=cli`))
DIND_FLAG = $(if $(filter 1,$(DIND)),--dind)
INTO_FOLDER = $(if $(INTO),--to "$(INTO)")
BACKUP_FOLDER = $(if $(INTO),--backup-to "$(INTO)")
RECIPIENT_KEY = $(if $(RECIPIENT),--recipient "$(RECIPIENT)")
IDENTITY_FILE = $(if $(IDENTITY),--identity "$(IDENTITY)")
OLDER_FLAG = $(if $(filter 1,$(OLDER)),--older)
PLAIN_FLAG = $(if $(filter 1,$(PLAIN)),--plain)
# Workers, all but the first in namespaces: three on two cores, because tests mostly wait for nodes and timeouts.
LANES = 3
WORKERS = --dist loadfile --no-loadscope-reorder --tx 'popen//python=$(PYTHON)' \
    $(foreach lane,$(wordlist 2,$(LANES),1 2 3 4 5 6 7 8 9),--tx 'popen//python=sh tests/e2e/lane.sh $(lane) $(PYTHON)')

ifneq (,$(findstring $$,$(CURDIR))$(findstring `,$(CURDIR))$(findstring ",$(CURDIR)))
$(error The path of this checkout, $(CURDIR), has a dollar sign, a backtick or a quote, which a shell reads as a command: move it to another folder)
endif

.DEFAULT_GOAL := help
.PHONY: help installed installed-for-tests known up down images workspace workspace-files workspace-stop preview review destroy retire wallet-backup wallet-restore env test unit coverage integration e2e states soak bench lint lock

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installs the packages in the locks; those for tests and linters only for targets that need them. `installed` prints
# on standard error, because the standard output of a target is its result, such as the variables of `env`.
installed: ## Install the Python packages of the program, without setting up the machine
	@sh local/environment.sh "$(VENV)" requirements.txt >&2

installed-for-tests:
	@sh local/environment.sh "$(VENV)" requirements.txt requirements-dev.txt

# Fails before minutes of installing if there is no set-up; local/pulumi/cli.py has the same message.
known:
	@test -e "$(SET_UP)/environment.json" || test -e "$(EARLIER)/environment.json" || { \
	    printf '\nerror: Nothing is set up in %s: run `make up` first.\n' "$(SET_UP)" >&2; exit 1; }

up: installed ## Set up this machine, build the images, run the node (cold 12 to 21 min, then 10 s)
	@$(PYTHON) -m local up

down: known installed ## Stop the node, opened workspaces and services, keep all data; ALL=1 also removes containers, the registry with its keys and the builder's layers, but no volume or state
	@$(PYTHON) -m local down $(if $(filter 1,$(ALL)),--all)

images: known installed ## List the published images of the stack local: platforms, sizes, layers, digests
	@$(SKYINFRA) images

workspace: installed ## Open a development workspace: NAME=cli, FOLDER=your sources, DIND=1 for a nested engine, ENGINE=ssh://USER@HOST for another machine
	@$(SKYINFRA) workspace open "$(GIVEN_NAME)" $(if $(FOLDER),--folder "$(FOLDER)") $(if $(ENGINE),--engine "$(ENGINE)") $(DIND_FLAG)

workspace-files: known installed ## Write devcontainer.json and devfile.yaml of a workspace into a folder: NAME=cli, FOLDER=your sources
	@$(SKYINFRA) workspace files "$(GIVEN_NAME)" $(if $(FOLDER),--into "$(FOLDER)") $(DIND_FLAG)

workspace-stop: known installed ## Stop one workspace: NAME=cli
	@$(SKYINFRA) workspace stop "$(GIVEN_NAME)"

preview: known installed ## Show what a stack would change: STACK=name (default local)
	@$(PYTHON) -m local preview --stack $(STACK)

review: known installed ## Print a preview as a Markdown page for a pull request: STACK=name (default local)
	@$(SKYINFRA) review --stack $(STACK)

destroy: known installed ## Destroy a stack, except its wallets: STACK=name (default local)
	@$(PYTHON) -m local destroy --stack $(STACK)

retire: known installed ## Remove one node from a stack, keep its volumes: NODE=name, STACK=name (default local)
	@$(SKYINFRA) node retire "$(GIVEN_NODE)" --yes --stack $(STACK)

wallet-backup: known installed ## Back up a node's wallets into a new, encrypted file: NODE=name, RECIPIENT=key or PLAIN=1, INTO=folder
	@$(SKYINFRA) wallet backup "$(GIVEN_NODE)" --stack $(STACK) $(RECIPIENT_KEY) $(PLAIN_FLAG) $(INTO_FOLDER)

wallet-restore: known installed ## Restore a node's wallets: NODE=name, FILE=backup with IDENTITY=key file, or COPY=time of a copy on the host; RECIPIENT=key, INTO=folder of the backup that is made before; OLDER=1 accepts the loss of addresses
	@$(SKYINFRA) wallet restore "$(GIVEN_NODE)" $(if $(FILE),"$(FILE)") $(if $(COPY),--copy "$(COPY)") --stack $(STACK) $(IDENTITY_FILE) $(RECIPIENT_KEY) $(BACKUP_FOLDER) $(OLDER_FLAG)

env: known installed ## Print the environment for plain pulumi and docker: eval "$(make -s env)"
	@$(PYTHON) -m local env

test: lint coverage integration e2e ## Lint and all tests of the three tiers (up to 90 min, with warm caches 45 to 75)

# Each tier has a time limit, above what it takes on 2 slow cores without caches.
unit: installed-for-tests ## Unit tests (about 30 s on 2 cores): no network, no daemon
	@timeout --signal=INT 10m $(PYTHON) -m pytest tests/unit -n auto

coverage: installed-for-tests ## Unit tests with their coverage: all lines and branches of catalogue, settings, program and components
	@timeout --signal=INT 10m $(PYTHON) -m pytest tests/unit -n auto --cov=catalogue --cov=settings --cov=program --cov=components --cov-branch --cov-fail-under=100

integration: installed-for-tests ## Tests with real processes and shell scripts, and of each interruption (about 3 min on 2 cores): no network, no daemon
	@timeout --signal=INT 20m $(PYTHON) -m pytest tests/integration -n auto

e2e: installed-for-tests ## End-to-end tests, on an engine, builder and registry that only they use (40 to 65 min)
	@timeout --signal=INT 80m $(PYTHON) -m pytest tests/e2e -m "not long" --durations=25 $(WORKERS)

states: installed-for-tests ## Before a release: record this version's states for the tests of upgrades (CONTRIBUTING.md)
	@RECORD_STATES=1 $(PYTHON) -m pytest tests/e2e -m records --durations=10

bench: installed-for-tests ## Measure speed and size on what `make up` set up (15 min), written to bench/last.json
	@$(PYTHON) -m bench

soak: installed-for-tests ## Tests that take too long for make test: every workspace, and more (2 hours and up)
	@$(PYTHON) -m pytest tests/soak --durations=10
	@$(PYTHON) -m pytest tests/e2e -m long --durations=10

lint: installed-for-tests ## Check formatting and types of Python, and lint it, scripts, Dockerfiles and workflows
	@sh tests/lint.sh $(VENV)

lock: installed-for-tests ## After a change of requirements*.in: write requirements*.txt, with the hashes of all packages
	@sh local/lock.sh "$(VENV)"
