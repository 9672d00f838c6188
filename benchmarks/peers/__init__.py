"""Rivals from the literature and from other packages, each one file with `fit` and `recommend`."""
