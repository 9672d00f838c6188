"""Floor 2: learners forecast the loss of configs on a new task from past ones."""
