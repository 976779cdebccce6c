# All targets use the environment in .venv. The target `setup` creates and updates it, and takes no time if nothing changed.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
# The packages of the tests with clients on Node. Empty if tests/clients does not exist.
CLIENTS := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard tests/clients/package-lock.json))

# Whether Node 20 or newer is installed with npm. Without them, nothing of web/ is built, and the gateway serves its console only.
HAS_NODE := command -v npm >/dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'

# The packages of the servers on Node that the benchmark compares the gateway with.
PEERS := bench/peers/node_modules/.package-lock.json

# The packages for frontends, which `make web` builds. Empty if web/package-lock.json does not exist.
WEB := $(patsubst %/package-lock.json,%/react/dist/index.js,$(wildcard web/package-lock.json))

# GraphiQL, which `gateway dev` serves. `make graphiql` bundles this file from npm packages. It is not committed.
GRAPHIQL := gateway/pages/graphiql/graphiql.js

# The board, which the gateway serves at `/`. `make board` builds it from web/board. It is not committed.
BOARD := gateway/pages/board/index.html

# The page of the person who is being verified, which the gateway serves at `/follow`. It is built from web/person, and not committed.
FOLLOW := gateway/pages/follow/index.html

# The number of parallel workers of pytest: one more than processors, because tests of processes and of time-outs mostly wait.
WORKERS = $$(( $$(getconf _NPROCESSORS_ONLN) + 1 ))

.PHONY: help setup web graphiql board run test coverage counts check schema lock lock-check ledger drill drill-sockets alerts endurance compare smuggle story-picture drill-web image-test bench bench-quick bench-live bench-scaling bench-hostile clean screenshots bench-board packages pythons dist

help: ## list these targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

setup: .venv/installed $(CLIENTS) $(WEB) ## create or update the environment (.venv)

run: setup $(GRAPHIQL) $(BOARD) $(FOLLOW) ## start the gateway with its own MongoDB and demo data
	@exec .venv/bin/gateway dev $(ARGS)

web: $(WEB) ## build the packages for frontends in web/ (needs npm)

packages: $(WEB) ## pack the packages for frontends into dist/, to install them in an app (needs npm)
	@$(HAS_NODE) || { echo 'Node 20 or newer with npm is missing, so the packages cannot be packed' >&2; exit 1; }
	@mkdir -p dist && cd web && npm pack --silent --ignore-scripts --workspace client --workspace element --workspace react --pack-destination ../dist

graphiql: $(GRAPHIQL) ## bundle GraphiQL for `gateway dev` (needs npm)

board: $(BOARD) $(FOLLOW) ## build the operators' board and the person's page (needs npm)

test: setup $(BOARD) $(FOLLOW) ## run all tests on all processors; a selection: make test ARGS=tests/store
	.venv/bin/pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

pythons: setup ## run all tests with each of Python 3.11 to 3.14 that is installed; a selection: make pythons ARGS=tests/domain
	.venv/bin/python requirements/pythons.py $(ARGS)

dist: setup $(BOARD) $(FOLLOW) ## build the release, a wheel and an sdist, into dist/
	rm -rf dist/verification_gateway-*
	.venv/bin/hatchling build -d dist

coverage: setup ## run all tests and measure which lines and branches they reach
	.venv/bin/pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --cov --cov-report=term:skip-covered -q $(ARGS)

counts: setup ## count the cases of each test harness, for docs/testing.md
	@.venv/bin/python -m tests.counts

ledger: setup ## inject faults for 20 minutes and count lost changes; another run: make ledger ARGS='--seed 8 --minutes 5 --faults 40'
	.venv/bin/python -m tests.ledger $(ARGS)

drill: setup ## restart gateways and break MongoDB behind proxies, and count failed requests; in a minute: make drill ARGS=--short
	.venv/bin/python -m tests.drill $(ARGS)

drill-sockets: setup ## connect 10,000 clients to one gateway, kill it, and wait until all are back; fewer: make drill-sockets ARGS='--sockets 2000'
	.venv/bin/python -m tests.drill.sockets $(ARGS)

alerts: setup ## make each alert fire in Prometheus and follow its runbook, in twelve minutes; fewer: make alerts ARGS='--only FeedSilent'
	.venv/bin/python -m tests.alerts $(ARGS)

endurance: setup ## serve for 30 minutes with everything turned on, and look for leaks; another run: make endurance ARGS='--minutes 5'
	.venv/bin/python -m tests.endurance $(ARGS)

soak-provider: setup ## take 10,000 verifications through faults of provider, gateways and backend; another run: make soak-provider ARGS='--seed 8 --verifications 500'
	.venv/bin/python -m tests.soak $(ARGS)

compare: setup ## compare the compiled executor with graphql-core on many operations; another run: make compare ARGS='--operations 20000 --seed 8'
	.venv/bin/python -m tests.comparison $(ARGS)

smuggle: setup ## send mutated requests through nginx and HAProxy, and compare what each side parsed; another run: make smuggle ARGS='--seed 8 --streams 5000'
	.venv/bin/python -m tests.smuggle $(ARGS)

story-picture: setup ## play the story of docs/providers.md in a browser, and draw its picture (needs Chromium and the font Inter)
	.venv/bin/python -m tests.browsers docs/story.png

screenshots: setup $(BOARD) $(FOLLOW) ## write pictures of all pages and states to build/screenshots; a selection: make screenshots ARGS='--only person.*phone'
	.venv/bin/python -m tests.browsers.showcase $(ARGS)

drill-web: setup $(BOARD) $(FOLLOW) ## follow lists with web/client under load and faults for five minutes; another run: make drill-web ARGS='--seed 8 --minutes 2'
	.venv/bin/python -m tests.clients.web $(ARGS)
	.venv/bin/python -m tests.browsers.drill
	.venv/bin/python -m tests.browsers.showcase --axe

check: setup lock-check ## check style, types, layers, the committed schema and the lock files
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	@if $(HAS_NODE); then cd web && npm run --silent check; else echo 'Node 20 or newer with npm is missing, so web/ is not checked' >&2; fi
	.venv/bin/gateway schema | diff -u schema/schema.graphql - || { echo 'schema/schema.graphql differs from the code: run `make schema`.' >&2; exit 1; }

schema: setup ## write the schema to schema/schema.graphql
	.venv/bin/gateway schema > schema/schema.graphql.new
	mv schema/schema.graphql.new schema/schema.graphql

NPM_LOCKS := tests/clients/package-lock.json web/package-lock.json web/react/react18/package-lock.json web/graphiql/package-lock.json bench/peers/package-lock.json
# npm also writes donation addresses into lock files; this script removes them.
WITHOUT_ADDRESSES := .venv/bin/python requirements/without_addresses.py
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'

lock: setup ## update the lock files from pyproject.toml; with newer releases: make lock ARGS=--upgrade
	$(COMPILE) $(ARGS) --group build --output-file requirements/build.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra otel --output-file requirements/runtime.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra embedded --extra otel --group dev \
		--constraints requirements/build.lock --constraints requirements/runtime.lock --output-file requirements/dev.lock
	$(COMPILE) $(ARGS) --group bench --constraints requirements/dev.lock --output-file requirements/bench.lock

	for place in $(NPM_LOCKS); do (cd $$(dirname $$place) && npm install --package-lock-only --ignore-scripts --loglevel=error) && $(WITHOUT_ADDRESSES) $$place; done

lock-check: setup
	.venv/bin/python requirements/check.py

image-test: setup ## build the image, start it and send it a query (on Debian, as root; needs no Docker)
	.venv/bin/python deploy/image_test.py

bench: setup $(PEERS) .venv/peers-installed ## compare the gateway with its peers, and measure how it scales: 25 minutes, needs wrk and Node
	.venv/bin/python -m bench $(ARGS)

bench-quick: setup $(PEERS) ## compare the gateway with only the closest peers: four minutes, needs wrk and Node
	.venv/bin/python -m bench --quick $(ARGS)

bench-live: setup ## measure how long a new status takes to reach a subscriber, and what 5,000 subscribers cost
	.venv/bin/python -m bench.live $(ARGS)

bench-scaling: setup ## measure the limits of docs/scaling.md: feeds, the change stream, writes, and what a verification costs
	.venv/bin/python -m bench.limits.scaling $(ARGS)

bench-hostile: setup ## measure what hostile operations cost, and how long other clients wait meanwhile
	.venv/bin/python -m bench.hostile $(ARGS)

bench-board: setup $(BOARD) $(FOLLOW) ## measure the board and the person's page in a browser: five minutes, needs Chromium
	.venv/bin/python -m bench.board $(ARGS)

clean: ## remove the environment, caches and development data
	rm -rf .venv .pythons .gateway dist tests/clients/node_modules web/node_modules web/react/react18/node_modules web/*/dist web/graphiql/node_modules bench/peers/node_modules gateway/pages/graphiql gateway/pages/board gateway/pages/follow build .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# pip installs uv, and uv installs all other packages, ten times as fast as pip. uv doesn't read pip's configuration (such as a mirror or a
# certificate), so it can fail where pip succeeds. Then pip installs the packages.
.venv/installed: requirements/dev.lock pyproject.toml | .venv/bin/pip
	@echo 'installing what the project needs into .venv'
	@sed -n '/^uv==/,/# via/p' requirements/dev.lock | .venv/bin/pip install -qq --no-deps --require-hashes --requirement /dev/stdin
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements/dev.lock \
		|| .venv/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/dev.lock
	@.venv/bin/pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo '$(PYTHON) is not Python 3.11 or newer. To use another one: make setup PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) can't create an environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	@if $(HAS_NODE); then cd tests/clients && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo 'Node 20 or newer with npm is missing, so the tests with a client on Node will not run' >&2; fi

# The packages of web/, and React 18, with which web/react is tested too.
web/node_modules/.package-lock.json: web/package-lock.json web/react/react18/package-lock.json
	@if $(HAS_NODE); then cd web && for place in react/react18 .; do (cd $$place && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); done \
		&& touch node_modules/.package-lock.json; \
	else echo 'Node 20 or newer with npm is missing, so the packages for frontends in web/ cannot be built' >&2; fi

$(WEB): web/node_modules/.package-lock.json web/tsconfig.base.json $(wildcard web/*/package.json web/*/tsconfig.json web/*/src/*.ts)
	@if $(HAS_NODE); then cd web && npm run --silent build && touch react/dist/index.js; fi

bench/peers/node_modules/.package-lock.json: bench/peers/package-lock.json
	@if $(HAS_NODE); then cd bench/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo 'Node 20 or newer with npm is missing, so the peers on Node cannot be installed' >&2; exit 1; fi

.venv/peers-installed: requirements/bench.lock .venv/installed
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements/bench.lock \
		|| .venv/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/bench.lock
	@touch $@

$(GRAPHIQL): web/graphiql/package-lock.json web/graphiql/build.js web/graphiql/graphiql.js
	@if $(HAS_NODE); then echo 'bundling GraphiQL' && cd web/graphiql && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && node build.js ../../$(@D); \
	else echo 'Node 20 or newer with npm is missing, so /graphiql will not be available' >&2; fi

$(BOARD): $(WEB) $(shell find web/board web/client -name node_modules -prune -o -name dist -prune -o -type f -print)
	@if $(HAS_NODE); then echo 'building the board' && cd web && npm run --silent build -w board -- --logLevel error && rm -rf ../$(@D) && cp -r board/dist ../$(@D); \
	else echo 'Node 20 or newer with npm is missing, so the board will not be available' >&2; fi

$(FOLLOW): $(WEB) $(shell find web/person web/element web/client -name node_modules -prune -o -name dist -prune -o -type f -print) web/board/src/styles/tokens.css
	@if $(HAS_NODE); then echo "building the person's page" && cd web && npm run --silent build -w person -- --logLevel error && rm -rf ../$(@D) && cp -r person/dist ../$(@D); \
	else echo "Node 20 or newer with npm is missing, so the person's page will not be available" >&2; fi
