"""The built-in families, a file for each kind of model."""
