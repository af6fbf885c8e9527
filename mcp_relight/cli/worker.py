"""`worker`: apart from `serve`, since a worker must not wait for the MCP SDK to load."""

import argparse

import anyio

from mcp_relight.bootstrap import run_worker

from .session import load_settings


def worker(namespace: argparse.Namespace) -> int:
    settings = load_settings(namespace)
    anyio.run(run_worker, settings)
    return 0
