"""Floor 0: the words of the house as plain data, and its errors."""
