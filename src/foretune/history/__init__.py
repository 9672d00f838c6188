"""Floor 1: past tasks, stored and read back."""
