"""`mcp-relight`: serves stdio when called alone; otherwise one command per use case.

Hardly anything is imported here: `serve` must start as fast as the SDK allows.
Exit codes: 0 done, 1 the job failed, 2 bad arguments or settings.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from mcp_relight.errors import RelightError, RequestError
from mcp_relight.loading import leave_lightly, load_lightly

if TYPE_CHECKING:
    from mcp_relight.pixels.launch import Early

Command = Callable[[argparse.Namespace], int]

EXIT_FAILED, EXIT_USAGE = 1, 2
_OF_NO_COMMAND = frozenset({"-h", "--help", "--version"})


def main(argv: Sequence[str] | None = None) -> int:
    load_lightly()
    arguments = list(sys.argv[1:] if argv is None else argv)
    early = _early_child(arguments)
    from .parser import build_parser

    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _OF_NO_COMMAND):
        arguments = ["serve", *arguments]
    namespace = build_parser().parse_args(arguments, argparse.Namespace(early=early))
    try:
        command = _command(namespace.command)
        return command(namespace)
    except RelightError as error:
        _complain(error, as_json=getattr(namespace, "json", False))
        return EXIT_USAGE if isinstance(error, RequestError) else EXIT_FAILED
    except KeyboardInterrupt:
        print("Stopped. Jobs that were started go on; see `mcp-relight jobs`.", file=sys.stderr)
        return 130
    finally:
        leave_lightly()


def _early_child(arguments: list[str]) -> "Early | None":
    """The pixel child of a worker that was started for somebody's first picture: it takes longest
    to load, and so comes before anything is loaded here."""
    match arguments:
        case ["worker", "--detached", "--guest", descriptor]:
            from mcp_relight.pixels.launch import start_early

            return start_early(int(descriptor))
        case _:
            return None


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
