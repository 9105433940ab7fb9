# `make` alone says what there is. Every target may be run on a fresh machine: it builds what it needs first.

CTL := target/release/betti-ctl
APP := workers/web/app
# Counted loops in tests run a tenth of what `make soak` runs.
SOAK := BETTI_LOOPS=200 BETTI_WORLDS=1000000
# Few worlds for each of hundreds of mutants, and always the same ones, so that a mutant that is found once is found again.
MUTANTS := BETTI_WORLDS=2000 BETTI_FIRST_WORLD=0

.DEFAULT_GOAL := help
.PHONY: help start stop status logs dev build app test test-rust test-app test-browser test-peers boot soak mutants lint audit fuzz bench \
	certs clean needs-run needs-test

help: ## Say what there is
	@echo "Betti, a home-health hub. The two commands that matter are make start and make test."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

start: build ## Build everything and start the platform
	@if $(CTL) status >/dev/null 2>&1; then \
		echo "It runs already. To run what was built just now: $(CTL) upgrade && $(CTL) reload, or make stop start"; \
	fi
	@$(CTL) start

stop: ## Stop the platform, all of it
	@$(call ctl,kill)

status: ## Show what runs
	@$(call ctl,status)

logs: ## Follow the logs of every app (Ctrl-C ends)
	@$(call ctl,logs -f)

# Verbs that need no build: whoever has not built has nothing running.
ctl = test -x $(CTL) || { echo "Nothing is built yet: make start"; exit 1; }; $(CTL) $(1)

dev: needs-run $(APP)/node_modules/.package-lock.json ## Start the platform with Vite and hot reloading instead of the built app
	@echo "==> Building the workers (debug)"
	@cargo build --workspace --bins
	@if target/debug/betti-ctl status >/dev/null 2>&1; then echo "The platform runs already: make stop"; exit 1; fi
	@target/debug/betti-ctl start betti-backend betti-nutrition betti-webrtc betti-ble
	@trap : INT TERM HUP; npm --prefix $(APP) run dev; target/debug/betti-ctl kill

build: needs-run app
	@echo "==> Building the platform (release; some minutes the first time)"
	@cargo build --workspace --bins --release

app: $(APP)/node_modules/.package-lock.json
	@echo "==> Building the web app"
	@npm --prefix $(APP) run --silent build

$(APP)/node_modules/.package-lock.json: $(APP)/package-lock.json
	@echo "==> Fetching what the web app is made of"
	@npm --prefix $(APP) ci --no-audit --no-fund
	@touch $@

test: needs-test ## Run every test: web unit, Rust, browser
	@$(MAKE) --no-print-directory test-app test-rust test-browser
	@echo "==> All tests passed"

test-app: $(APP)/node_modules/.package-lock.json
	@echo "==> Web app: types and unit tests"
	@npm --prefix $(APP) run --silent check
	@npm --prefix $(APP) run --silent test

test-rust: app
	@echo "==> Building the platform and its tests (debug; some minutes the first time)"
	@cargo build --workspace --all-targets
	@echo "==> Rust: rules, simulation, recorded exchanges, scenarios"
	@cargo nextest run --workspace

test-browser: app tests/browser/node_modules/.package-lock.json
	@echo "==> Browser: the app in Chromium against the running platform"
	@# As for the Rust tests: programs alone would be built anew, with fewer features of what they share with tests.
	@cargo build --workspace --all-targets
	@npm --prefix tests/browser run --silent test

test-peers: ## Run the tests with programs of others that are not needed for anything else
	@tests/needs.sh peers
	@cargo build --workspace --all-targets
	@cargo nextest run -p scenarios --run-ignored only -E 'test(peers)'

boot: app ## Boot a Debian with the platform in an emulated machine, and check that it works there (half an hour or less; as root)
	@tests/needs.sh boot
	@echo "==> Building the platform (debug)"
	@cargo build --workspace --bins
	@tests/boot/run.sh

tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@echo "==> Fetching the browser tests' runner"
	@PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm --prefix tests/browser ci --no-audit --no-fund
	@touch $@

soak: needs-test app ## Run the counted loops of the tests in full (an hour or so)
	@cargo build --workspace --all-targets
	@$(SOAK) cargo nextest run --profile soak --workspace -E 'package(scenarios) | package(lifecycle) | package(daemon) | package(api) | package(backup)'

mutants: ## Break what the supervisor decides in every place, and see that a test notices (an hour or so)
	@if ! cargo mutants --version >/dev/null 2>&1; then \
		echo "cargo-mutants is not installed: cargo install --locked cargo-mutants"; exit 1; \
	fi
	@$(MUTANTS) cargo mutants --package lifecycle --output target/mutants

lint: needs-run $(APP)/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json ## Check style, types, licences and sources
	@cargo fmt --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@npm --prefix $(APP) run --silent lint
	@npm --prefix $(APP) run --silent check
	@npm --prefix tests/browser run --silent check
	@tests/checklist.sh
	@if ! cargo deny --version >/dev/null 2>&1; then \
		echo "cargo-deny is not installed, so licences, sources and unwelcome crates were NOT checked: cargo install --locked cargo-deny"; \
		exit 1; \
	fi
	@cargo deny check -A license-exception-not-encountered bans licenses sources
	@cargo deny --manifest-path tests/fuzz/Cargo.toml --config deny.toml check -A license-not-encountered bans licenses sources

audit: needs-run ## Ask whether something that is used is known to be vulnerable (needs the internet, and says so)
	@tests/audit.sh

# cargo-fuzz asks the compiler for sanitizers, which a stable one has but keeps from whoever does not insist.
FUZZ := manifest profile pm2_json pm2_yaml control keeper notes bodies
FUZZ_SECONDS := 60

fuzz: needs-run ## Feed the readers of files and messages with what nobody would write (FUZZ_SECONDS for each)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
	@for target in $(FUZZ); do \
		echo "==> Fuzzing $$target for $(FUZZ_SECONDS) s"; \
		mkdir -p tests/fuzz/target/corpus/$$target; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz $$target \
			tests/fuzz/target/corpus/$$target tests/fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -dict=tests/fuzz/keys.dict -print_final_stats=1 || exit 1; \
	done

bench: needs-run ## Measure the supervisor against bare fork and exec
	@echo "==> Building (release)"
	@cargo build --workspace --bins --release
	@target/release/bench

certs: needs-run ## Make the certificate for HTTPS in certs/, or renew it, and say how phones come to trust it
	@cargo build --quiet --release --bin betti-ctl
	@$(CTL) certs

clean: ## Remove what was built (data, logs and certificates stay)
	@cargo clean
	@rm -rf $(APP)/dist $(APP)/node_modules tests/browser/node_modules tests/browser/test-results tests/fuzz/target

needs-run:
	@tests/needs.sh run

needs-test:
	@tests/needs.sh test
