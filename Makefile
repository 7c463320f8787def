# The words for people and for CI. Nothing here needs root or Docker but compose-test.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
UV_PIN := 0.13.8

.PHONY: run test check bench soak format messages lock compose-test clean

run: $(VENV)/.ok .env     ## the inbox, with the local X while no X_CLIENT_ID is set; one Ctrl-C ends it
	@exec $(BIN)/python -m dminbox.run

test: $(VENV)/.dev        ## everything that proves the code
	@exec $(BIN)/python -m tests.run

check: $(VENV)/.dev       ## the checks alone, without the tests
	@exec $(BIN)/python -m tests.run --checks-only

bench: $(VENV)/.dev       ## what it costs and how fast it is, each beside its floor; ROWS=ingest,dollars for some of it
	@exec $(BIN)/python -m bench.run $(ROWS)

soak: $(VENV)/.dev        ## stories of crashes, by seed: SEEDS=2000 PROCESS_SEEDS=100 FIRST=0
	@SEEDS="$(or $(SEEDS),2000)" PROCESS_SEEDS="$(or $(PROCESS_SEEDS),100)" $(BIN)/python -m tests.soak.run

format: $(VENV)/.dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/djlint --reformat --quiet templates || true

messages: $(VENV)/.dev    ## brings the catalogues of translations up to date with the texts, and compiles them
	@$(BIN)/python -m dminbox.catalogues update

compose-test:             ## builds the image and drives the whole compose set-up; needs Docker with compose
	$(PYTHON) tests/compose/run.py

lock: $(VENV)/.ok         ## writes both lock files anew from the .in files
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --upgrade requirements.in -o requirements.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --upgrade requirements-dev.in -o requirements-dev.txt

.env: | $(VENV)/.ok
	@$(BIN)/python -m dminbox.keys .env

clean:
	rm -rf $(VENV) staticfiles

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("dminbox needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_PIN)

$(VENV)/.ok: requirements.txt | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --system-certs --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.ok
	$(UV) pip install --quiet --python $(BIN)/python --system-certs --require-hashes -r requirements-dev.txt
	@touch $@
