# Two commands are enough: `make lab` to learn, `make test` to check everything.
# make lab LAB_ARGS="--no-browser --port=9999"   passes arguments on to JupyterLab
# make lab LAB_DIR=my-copy                       opens another folder
# make lab PYTHON=/path/to/python3.12            makes .venv with this Python
# make test TEST_ARGS="-k check" JOBS=1          passes arguments on to pytest; JOBS are processes

LAB_DIR = notebooks
LAB_ARGS =
TEST_ARGS =
LESSONS =
JOBS = 2
PYTHON =
PY = .venv/bin/python
settings = "$(CURDIR)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}"

.DEFAULT_GOAL = help
.PHONY: help lab env test lint build seeds site clean learner

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

lab: learner ## open the course in JupyterLab (installs what it needs the first time)
	@JUPYTER_CONFIG_PATH=$(settings) $(PY) -m jupyterlab "$(LAB_DIR)" $(LAB_ARGS)

env: ## install everything, for instructors and contributors
	@PYTHON="$(PYTHON)" sh .ci/env requirements-dev.txt

learner:
	@PYTHON="$(PYTHON)" sh .ci/env requirements.txt

test: env ## run every test, lint among them
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) --dist worksteal $(TEST_ARGS)

lint: env ## check style, types and scripts
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	.venv/bin/shellcheck .ci/run .ci/env

build: env ## make the learner's notebooks and probe banks (LESSONS="08 09": only these)
	$(PY) -m helpers.instructor build $(if $(LESSONS),--lessons $(LESSONS))

seeds: env ## rerun the claims of every lesson on COURSE_SEED 0 to 4
	$(PY) -m helpers.instructor seeds

site: env ## make the static pages in .site (LESSONS="08 09": only these)
	$(PY) -m helpers.instructor site $(if $(LESSONS),--lessons $(LESSONS))

clean: ## remove what can be made again, except .venv
	rm -rf build .site .pytest_cache .ruff_cache .mypy_cache .hypothesis tests/screenshots ./*.egg-info
	find helpers tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
