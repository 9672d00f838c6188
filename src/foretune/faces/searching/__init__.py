"""What `MetaSearchCV` is made of: what is given, what may be tried, how a search begins and goes on."""
