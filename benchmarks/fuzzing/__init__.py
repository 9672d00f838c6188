"""Fuzzing of everything that foretune reads: targets, their seeds, and what rewrites cells of stores."""
