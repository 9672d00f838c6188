# Everything sets itself up: a machine with python3 and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test format replay clean

# What `auto` does before the first trial, without its rehearsals for every dataset that is left out.
demo: $(VENV)/core ## Recommend, train for real and compare with grid search on four unseen datasets.
	$(BIN)/foretune experiment --family decision_tree --family random_forest --family svm \
		--learner gaussian_process --output report

test: $(VENV)/dev ## The whole gate: style, types, floors, tests, doctests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: $(VENV)/dev ## Formats and mends what can be mended.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

replay: $(VENV)/dev ## The table of learners by family in the README (about 20 minutes).
	$(BIN)/foretune replay --family decision_tree --family random_forest --family svm --family lightgbm \
		--family xgboost --folds 5 --output report/replay

$(VENV)/core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/dev: $(VENV)/core constraints-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-dev.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) report dist .mypy_cache .pytest_cache .ruff_cache
