"""Floor 1: descriptions of configs and datasets as numbers."""
