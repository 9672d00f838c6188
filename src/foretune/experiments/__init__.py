"""Floor 4: proves the advice on tasks never seen."""
