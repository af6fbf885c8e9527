"""How a process of ours gets ready to load: every one calls this before it imports much."""

import gc

_OBJECTS = 50_000
_GENERATIONS = 20


def load_lightly() -> None:
    """Look for garbage seldom. What is loaded stays, and there is much of it: with Python's own
    thresholds a tenth of a start goes into looking through it in vain."""
    gc.set_threshold(_OBJECTS, _GENERATIONS, _GENERATIONS)
