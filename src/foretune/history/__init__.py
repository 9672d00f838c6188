"""Floor 1: past tasks, stored."""
