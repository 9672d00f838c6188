"""Floor 5: the command line and the report."""
