"""What holds for every test."""

import os
import tempfile

from hypothesis import settings

# A property may take its time: a busy machine says nothing about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# What rehearsals taught is kept for the run, and not in the user's own cache.
os.environ["FORETUNE_CACHE"] = tempfile.mkdtemp(prefix="foretune-cache-")
