# Each target only calls scripts, which document what they do.
.DEFAULT_GOAL := help
.PHONY: help packages build demo demo-llm up down status test chaos stops stranger mutants fuzz sanitize litellm-check bench bench-endpoint bench-peer certify-proof ledger-proof restore-proof upgrade-proof migrations models model certificates api render format lint docc docs-check compose image-check sbom clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

packages: ## Install the missing Debian packages (as root or with sudo)
	@infra/dev/install-packages.sh

build: packages ## Build every executable with optimization
	@infra/dev/build.sh

demo: packages ## Start a private suite, answer the requests of infra/demo, show costs, stop everything
	@infra/dev/demo.sh

demo-llm: build ## Cut a small model out of a real language model, certify it, kill the language model, show costs (10 minutes)
	@WINNOW_BIN_DIRECTORY=.build/release infra/dev/demo-llm.sh

up: build ## Start a suite on this machine and keep it running (state in .run)
	@infra/dev/stack.sh up

down: ## Stop the suite that `make up` started
	@infra/dev/stack.sh down

status: ## Show the suite that `make up` started
	@infra/dev/stack.sh status

test: packages ## Run all tests, and install and start everything that they need
	@infra/dev/test.sh

chaos: packages ## Kill and restart every part of a suite under load, then look for lost records (13 minutes)
	@infra/dev/chaos.sh $(CHAOS)

stops: packages ## Stop workers 200 times while their groups rebalance; every one must end with 0 (6 minutes)
	@infra/dev/stops.sh $(STOPS)

stranger: build ## Take a task that Winnow has never seen from its file to a certificate, a drift, another router and a broker restart
	@WINNOW_BIN_DIRECTORY=.build/release infra/dev/stranger.sh

mutants: packages ## Break the source in small ways, one at a time, and expect a named test to fail for each
	@infra/dev/mutants.sh $(MUTANTS)

fuzz: packages ## Fuzz the parsers of external input, one minute each
	@infra/dev/fuzz.sh

sanitize: packages ## Run the tests under AddressSanitizer and ThreadSanitizer
	@infra/dev/sanitize.sh

bench: packages ## Measure a private suite under load, and compare the encoders with ONNX Runtime (10 minutes)
	@infra/dev/bench.sh

bench-endpoint: packages ## Measure calls in flight to a model behind HTTP that takes half a second (2 minutes; LITELLM=1 beside LiteLLM)
	@infra/dev/bench-endpoint.sh $(CALLS) $(if $(LITELLM),--litellm)

bench-peer: packages ## Measure Winnow beside a Python system that does the same work (8 minutes)
	@infra/dev/bench-peer.sh

certify-proof: packages ## Show how often a certificate's promise is broken, over a thousand draws of calibration items
	@infra/dev/certify-proof.sh

ledger-proof: packages ## Measure queries over a month of 100 million calls
	@infra/postgres/ledger-proof.sh

restore-proof: build ## Back up a suite, restore it on another server, and compare the answers
	@infra/postgres/restore-proof.sh

upgrade-proof: build ## Upgrade a running suite from the version before the newest migration, roll it back, and count results
	@infra/postgres/upgrade-proof.sh

migrations: ## Record the SHA-256 of new migrations, which a test compares with the files
	@infra/dev/record-migrations.sh

models: packages ## Rebuild every model from its data (an hour with bf16, three without)
	@infra/training/make-models.sh

model: packages ## Make a model for one capability: CAPABILITY=FILE DATA=FILE OUT=FOLDER SOURCE=NAME LICENCE=NAME [SIZE=small]
	@infra/training/make-model.sh "$(CAPABILITY)" --data "$(DATA)" --out "$(OUT)" --source "$(SOURCE)" --licence "$(LICENCE)" --size "$(or $(SIZE),small)"

certificates: packages ## Issue new certificates for the models from the labelled files
	@infra/dev/certify-models.sh

api: packages ## Record the public declarations that a test compares
	@infra/dev/record-api.sh

render: build ## Write what follows from infra/capabilities into compose, Kubernetes, Prometheus and Kafka's files
	@infra/dev/render.sh

format: ## Format all Swift
	@infra/dev/format.sh

lint: packages ## Check format, scripts, compose file, image context, mutations and documentation
	@infra/dev/lint.sh

docc: packages ## Check the doc comments and the DocC pages of the shared modules
	@infra/dev/docc.sh

docs-check: build ## Check the DocC pages, and run every command of the documentation against a private suite (2 minutes)
	@infra/dev/docc.sh .build/release
	@infra/dev/docs-check.sh

litellm-check: build ## Ask LiteLLM's proxy as an endpoint (installs 400 MB of packages)
	@infra/dev/litellm-check.sh

compose: build ## Run every service on this machine with exactly the environment of docker-compose.yml
	@infra/dev/try-compose.sh

image-check: packages ## Build the image's executables from its build context, without a container engine (10 minutes)
	@infra/dev/check-image.py --build

sbom: packages ## Write a software bill of materials of the image and of the training environment
	@infra/dev/sbom.sh

clean: ## Remove build products
	@infra/dev/clean.sh
