"""What every command shares: settings, the opened service, and how an answer is printed."""

import argparse
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from mcp_relight import logs
from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.errors import LocalError

if TYPE_CHECKING:
    from mcp_relight.service.service import Service

_SETTINGS = ("data_dir", "output_dir", "local_only", "log_level")


def load_settings(namespace: argparse.Namespace, **overrides: Any) -> Settings:
    """Environment, then flags. Logging is configured as soon as the secrets are known."""
    flags = {name: getattr(namespace, name, None) for name in _SETTINGS}
    if namespace.allowed_dirs:
        flags["allowed_dirs"] = tuple(namespace.allowed_dirs)
    settings = Settings.load(**flags, **overrides)
    logs.configure(settings.log_level, settings.secrets(), as_json=settings.log_format == "json")
    return settings


@asynccontextmanager
async def opened(namespace: argparse.Namespace) -> "AsyncGenerator[Service]":
    """The service for one command. A path typed on the command line is its own permission."""
    async with Application(load_settings(namespace), typed_paths=True) as application:
        application.check_settings()
        yield await application.service()


def to_its_end(
    command: Callable[[argparse.Namespace], Awaitable[int]],
) -> Callable[[argparse.Namespace], int]:
    """The command, for whoever has no event loop."""
    return partial(anyio.run, command)


def answer(facts: dict[str, Any], *, as_json: bool, draw: Callable[[], None]) -> None:
    """The answer, and nothing else, on stdout. Raises LocalError where it cannot be written."""
    if not sys.stdout:  # it was closed: nobody wants the answer
        return
    # A terminal or a file may have fewer letters than names have.
    is_unicode = sys.stdout.encoding.lower() == "utf-8"
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    try:
        if as_json:
            from .commands import facts_in_commands

            json.dump(facts_in_commands(facts), sys.stdout, ensure_ascii=not is_unicode, indent=2)
            sys.stdout.write("\n")
        else:
            draw()
        sys.stdout.flush()
    except OSError as error:
        # What is still waiting to be written would be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # then whoever reads it has enough: `| head`
            raise LocalError("The answer could not be written to stdout.") from None
