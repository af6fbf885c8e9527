"""The composition root: settings in, an opened service or worker out.

The only room that names concrete parts. What is heavy is imported when it is first needed: a server
that was only asked for its tools has opened nothing.
"""

from .application import Application
from .parts import Parts, SystemClock, key_variables
from .workers import InlineWorkers, run_migrations, run_team_worker, run_worker

__all__ = [
    "Application",
    "InlineWorkers",
    "Parts",
    "SystemClock",
    "key_variables",
    "run_migrations",
    "run_team_worker",
    "run_worker",
]
