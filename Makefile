# Thin: every target calls local/ or the test runner. `make help` lists them.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
STACK ?= local
SET_UP = $(or $(SKYCOIN_STATE),$(or $(XDG_STATE_HOME),$(HOME)/.local/state)/skycoin-infrastructure)
# Of an earlier version, until `make up` has moved it.
EARLIER = $(or $(SKYCOIN_STATE),$(CURDIR)/local/state)
# A thin name means the set-up, also in a shell whose PULUMI_BACKEND_URL names another backend.
SKYINFRA = SKYINFRA_BACKEND=set-up $(PYTHON) -m commands
DIND_FLAG = $(if $(filter 1,$(DIND)),--dind)
INTO_FOLDER = $(if $(INTO),--to "$(INTO)")
RECIPIENT_KEY = $(if $(RECIPIENT),--recipient "$(RECIPIENT)")
IDENTITY_FILE = $(if $(IDENTITY),--identity "$(IDENTITY)")
PLAIN_FLAG = $(if $(filter 1,$(PLAIN)),--plain)
# Workers, all but the first in namespaces: much of the tier waits for nodes, engines and timeouts.
LANES = 3
WORKERS = --dist loadfile --no-loadscope-reorder --tx 'popen//python=$(PYTHON)' \
    $(foreach lane,$(wordlist 2,$(LANES),1 2 3 4 5 6 7 8 9),--tx 'popen//python=sh tests/e2e/lane.sh $(lane) $(PYTHON)')

ifneq (,$(findstring $$,$(CURDIR))$(findstring `,$(CURDIR))$(findstring ",$(CURDIR)))
$(error The path of this checkout, $(CURDIR), has a dollar sign, a backtick or a quote, which a shell reads as a command: move it to another folder)
endif

.DEFAULT_GOAL := help
.PHONY: help installed installed-for-tests known up down images workspace workspace-files workspace-stop preview review destroy retire wallet-backup wallet-restore env test unit e2e states soak bench lint lock

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The locks say what is installed; what tests and linters need comes only with them.
installed:
	@sh local/environment.sh "$(VENV)" requirements.txt

installed-for-tests:
	@sh local/environment.sh "$(VENV)" requirements.txt requirements-dev.txt

# Said before minutes of installing, for what needs a set-up; local/pulumi_cli.py says the same.
known:
	@test -e "$(SET_UP)/environment.json" || test -e "$(EARLIER)/environment.json" || { \
	    printf '\nerror: Nothing is set up in %s: run `make up` first.\n' "$(SET_UP)" >&2; exit 1; }

up: installed ## Set up this machine, build the images, run the node (cold 12 to 15 min, then 10 s)
	@$(PYTHON) -m local up

down: known installed ## Stop nodes, workspaces and services, keep all data; ALL=1 also removes what up made, wallets excepted
	@$(PYTHON) -m local down $(if $(filter 1,$(ALL)),--all)

images: known installed ## The catalogue: platforms, sizes, layers and digests of what the stack local published
	@$(SKYINFRA) images

workspace: installed ## Open a development workspace: NAME=cli, FOLDER=path of your work, DIND=1 for an engine inside
	@$(SKYINFRA) workspace open "$(NAME)" $(if $(FOLDER),--folder "$(FOLDER)") $(DIND_FLAG)

workspace-files: known installed ## devcontainer.json and devfile.yaml of that workspace, written into FOLDER
	@$(SKYINFRA) workspace files "$(NAME)" --into "$(or $(FOLDER),$(CURDIR))" $(DIND_FLAG)

workspace-stop: known installed ## Stop one workspace: NAME=cli
	@$(SKYINFRA) workspace stop "$(NAME)"

preview: known installed ## Show what a stack would change: STACK=name (default local)
	@$(PYTHON) -m local preview --stack $(STACK)

review: known installed ## The same as a page for a pull request, in Markdown: STACK=name (default local)
	@$(SKYINFRA) review --stack $(STACK)

destroy: known installed ## Destroy a stack but its wallets: STACK=name (default local)
	@$(PYTHON) -m local destroy --stack $(STACK)

retire: known installed ## Take one node out of a stack; its volumes stay: NODE=name, STACK=name (default local)
	@$(SKYINFRA) node retire "$(NODE)" --stack $(STACK)

wallet-backup: known installed ## Back up a node's wallets into a new, encrypted file: NODE=name, RECIPIENT=key or PLAIN=1, INTO=folder
	@$(SKYINFRA) wallet backup "$(NODE)" --stack $(STACK) $(RECIPIENT_KEY) $(PLAIN_FLAG) $(INTO_FOLDER)

wallet-restore: known installed ## The way back: NODE=name, FILE=backup with IDENTITY=key file, or COPY=time of a copy on the host
	@$(SKYINFRA) wallet restore "$(NODE)" $(if $(FILE),"$(FILE)") $(if $(COPY),--copy "$(COPY)") --stack $(STACK) $(IDENTITY_FILE) $(RECIPIENT_KEY) $(INTO_FOLDER)

env: known installed ## Print the environment for plain pulumi and docker: eval "$(make -s env)"
	@$(PYTHON) -m local env

test: lint unit e2e ## Everything that this machine can run (cold 90 min, warm 75)

# Each tier has a budget, and fails far over it.
unit: installed-for-tests ## Unit tests: seconds, no network, no daemon
	@timeout --signal=INT 12m $(PYTHON) -m pytest tests/unit -n auto --cov=catalogue --cov=settings --cov=program --cov=components --cov-branch --cov-fail-under=100

e2e: installed-for-tests ## The main job for real, on an engine, builder and registry of the tests' own
	@timeout --signal=INT 80m $(PYTHON) -m pytest tests/e2e --durations=10 $(WORKERS)

states: installed-for-tests ## Before a release: keep this version's states for the law of upgrades (CONTRIBUTING.md)
	@RECORD_STATES=1 $(PYTHON) -m pytest tests/e2e -m records --durations=10

bench: installed-for-tests ## Speed and size as ratios, on what `make up` set up: 15 minutes, kept in bench/last.json
	@$(PYTHON) -m bench

soak: installed-for-tests ## What takes too long for make test: every workspace, and more (20 min and up)
	@$(PYTHON) -m pytest tests/soak --durations=10

lint: installed-for-tests ## Formatting, lint and types of all code
	@sh tests/lint.sh $(VENV)

lock: installed-for-tests ## After a change of requirements*.in: write requirements*.txt, with the hashes of all packages
	@sh local/lock.sh "$(VENV)"
