"""What `MetaSampler` is made of: which past matches, the live study as a task, the search through it."""
