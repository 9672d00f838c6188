"""Datasets by the names that hubs give them; each hub is loaded when one of its names is given."""
