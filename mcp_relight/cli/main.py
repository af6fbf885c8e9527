"""`mcp-relight`: serves stdio when called alone; otherwise one command per use case.

Hardly anything is imported here: `serve` must start as fast as the SDK allows.
Exit codes: 0 done, 1 the job failed, 2 bad arguments or settings.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from mcp_relight.errors import RelightError, RequestError
from mcp_relight.loading import leave_lightly, load_lightly

if TYPE_CHECKING:
    from mcp_relight.jobs.spawn import Ahead
    from mcp_relight.pixels.launch import Early

Command = Callable[[argparse.Namespace], int]

EXIT_FAILED, EXIT_USAGE = 1, 2
_OF_NO_COMMAND = frozenset({"-h", "--help", "--version"})
_STARTING_WORKERS = frozenset({"serve", "relight"})


def main(argv: Sequence[str] | None = None) -> int:
    load_lightly()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _OF_NO_COMMAND):
        arguments = ["serve", *arguments]
    early, ahead = _early_child(arguments), early_worker(arguments)
    try:
        return _run(arguments, argparse.Namespace(early=early, ahead=ahead))
    finally:
        if ahead is not None:
            ahead.dismiss()
        leave_lightly()


def _run(arguments: list[str], started: argparse.Namespace) -> int:
    from .parser import build_parser

    namespace = build_parser().parse_args(arguments, started)
    try:
        command = _command(namespace.command)
        return command(namespace)
    except RelightError as error:
        _complain(error, as_json=getattr(namespace, "json", False))
        return EXIT_USAGE if isinstance(error, RequestError) else EXIT_FAILED
    except KeyboardInterrupt:
        print("Stopped. Jobs that were started go on; see `mcp-relight jobs`.", file=sys.stderr)
        return 130


def _early_child(arguments: list[str]) -> "Early | None":
    """The pixel child of a worker that was started for somebody's first picture: it takes longest
    to load, and so comes before anything is loaded here."""
    match arguments:
        case ["worker", "--detached", "--guest", descriptor, *_]:
            from mcp_relight.pixels.launch import start_early

            return start_early(int(descriptor))
        case _:
            return None


def early_worker(arguments: list[str]) -> "Ahead | None":
    """A worker for a first picture, if none lives: it loads beside this process, and begins or
    leaves as soon as the settings are known here. Trouble with it is left to them."""
    command, *flags = arguments
    if command not in _STARTING_WORKERS or not _OF_NO_COMMAND.isdisjoint(flags):
        return None
    from mcp_relight.config_early import plain_data_folder

    folder = plain_data_folder(flags)
    if folder is None:
        return None
    from mcp_relight.jobs.spawn import start_ahead

    with suppress(RelightError):
        return start_ahead(folder, None)


_MODULES = {
    "serving": ("serve", "worker", "migrate"),
    "relighting": ("relight",),
    "photos": ("plan", "analyze", "find", "models"),
    "jobs": ("jobs", "job", "cancel", "forget"),
    "install": ("install", "uninstall"),
}
"""Where the commands are that share a file; every other has one of its own name."""


def _command(name: str) -> Command:
    """The function behind a command, importing only what that command needs."""
    shared = (module for module, commands in _MODULES.items() if name in commands)
    return getattr(import_module(f".{next(shared, name)}", __package__), name)


def _complain(error: RelightError, *, as_json: bool) -> None:
    from .commands import facts_in_commands, in_commands, without_tools

    if as_json:
        import json

        from mcp_relight.domain.views import ErrorView

        facts = {"error": ErrorView.of(error).facts()}
        print(json.dumps(facts_in_commands(facts)), file=sys.stdout)
        return
    told = f"{without_tools(error.message)} {in_commands(error.hint)}".rstrip()
    print(f"mcp-relight: {told}", file=sys.stderr)
