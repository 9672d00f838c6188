"""How the schema of a SQLite history came to be, one step a file, oldest first."""
