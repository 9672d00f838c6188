"""Where MLflow keeps its runs: files, a database, a server; each gives the same records."""
