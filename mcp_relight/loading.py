"""How a process of ours loads, and how it ends: every one calls these first and last."""

import gc
import os

_OBJECTS = 50_000
_OBJECTS_OF_CALLS = 5_000
_GENERATIONS = 20


def load_lightly() -> None:
    """Look for garbage seldom, and for plug-ins of pydantic never.

    What is loaded stays, and there is much of it: with Python's own thresholds a tenth of a start
    goes into looking through it in vain. Plug-ins of pydantic would be shown all that is checked,
    and every installed package is read in search of them.
    """
    gc.set_threshold(_OBJECTS, _GENERATIONS, _GENERATIONS)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


def begin_serving() -> None:
    """What is loaded by now is looked through no more; what calls leave behind is not to pile up
    in a process that runs for months."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_CALLS, _GENERATIONS, _GENERATIONS)


def leave_lightly() -> None:
    """Before the end of a process: leave what is loaded to the system. Python would look through
    all of it once more, which takes longer than many a command."""
    gc.freeze()
