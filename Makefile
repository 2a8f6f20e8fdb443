# Every target prepares the machine and .venv first; a second time that takes no noticeable time.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint coverage bench soak screenshots fuzz relying-parties lock clean ready browser
.DEFAULT_GOAL := test

demo: ready  ## The main job, told step by step; ARGS="--fault cloned-chip" and the like go through
	@$(BIN)/eid demo $(ARGS)

test: lint browser  ## Everything that must hold: style, types, import contracts, tests, examples in the docs
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

lint: ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: ready browser
	$(BIN)/python -m pytest -q --cov=eid --cov-branch --cov-report=term-missing:skip-covered $(ARGS)

bench: ready  ## Every performance figure beside its peer; ARGS="qr --quick" runs one room shortly
	$(BIN)/python -m bench $(ARGS)

soak: ready  ## 10,000 verdicts, 5,000 handshakes per protocol (SOAK_HANDSHAKES), a million accounts (SOAK_ACCOUNTS), 1,000 race rounds (SOAK_RACES), 1,000 kiosk visits
	$(BIN)/python -m bench verify
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.soak_cards
	$(BIN)/python -m bench.soak_accounts
	EID_RACE_ROUNDS=$${SOAK_RACES:-1000} $(BIN)/python -m pytest -q tests/oidc/test_processes.py
	$(BIN)/python -m bench.soak_kiosk

screenshots: browser  ## The pictures of the documentation, made anew by the browser tests
	EID_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q tests/browser -k "screen or page" $(ARGS)

fuzz: ready  ## Any bytes into the parsers, for FUZZ_SECONDS each (default 20)
	$(BIN)/python -m tests.fuzz $(ARGS)

relying-parties: ready browser  ## Every service of examples/log_in and every host of examples/mount, with Spring (Java 17, Maven)
	RELYING_PARTIES=all $(BIN)/python -m pytest -q tests/relying_parties $(ARGS)

lock: ready  ## Resolve requirements/*.txt again; UPGRADE=1 moves to the newest versions
	@$(PYTHON) scripts/prepare.py lock $(if $(UPGRADE),--upgrade)

clean:
	rm -rf .venv .eid eid-demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@$(PYTHON) scripts/prepare.py

browser: ready
	@$(PYTHON) scripts/prepare.py browser
