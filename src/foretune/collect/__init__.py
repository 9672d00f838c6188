"""Floor 2: families of models, datasets, and the sweep that tries one on the other."""
