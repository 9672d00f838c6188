"""Floor 3: turns forecasts into advice."""
