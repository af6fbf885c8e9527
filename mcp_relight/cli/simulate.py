"""`simulate`: the three providers and a bucket on this machine, to rehearse all for nothing."""

import argparse
import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from mcp_relight.errors import Internal

from .session import answer

_HAS_S3 = find_spec("obstore") is not None
"""Settings of a bucket stop the start of an installation that cannot use one."""


def simulate(namespace: argparse.Namespace) -> int:
    command = [sys.executable, "-P", "-m", "mcp_relight.simulator", "--port", str(namespace.port)]
    command += ["--speed", str(namespace.speed)]
    if namespace.journal is not None:
        command += ["--journal", str(namespace.journal)]
    # Ended as by Ctrl-C, so that the simulator never outlives this command.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A process of its own: the simulator draws pictures, which no command line process may.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise Internal("The simulator could not be started.", hint="Try another --port.")
        facts: dict[str, Any] = json.loads(line)
        settings = _settings(facts)
        answer(
            facts | {"environment": settings}, as_json=namespace.json, draw=lambda: _draw(settings)
        )
        sys.stdout.flush()
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return 0


def _settings(facts: dict[str, Any]) -> dict[str, str]:
    """The variables that make mcp-relight talk to the simulator."""
    variables = {
        f"MCP_RELIGHT_{provider.upper()}_URL": url for provider, url in facts["urls"].items()
    }
    variables |= {f"{provider.upper()}_API_KEY": key for provider, key in facts["keys"].items()}
    if _HAS_S3:
        bucket = facts["bucket"].items()
        variables |= {f"MCP_RELIGHT_BUCKET_{name.upper()}": value for name, value in bucket}
    host = facts["origin"].partition("://")[2]
    return variables | {"MCP_RELIGHT_ALLOW_PRIVATE_HOSTS": host}


def _draw(settings: dict[str, str]) -> None:
    print("The simulated providers are running; Ctrl-C ends them. In another terminal:\n")
    for name, value in settings.items():
        print(f"export {name}={value}")
    if not _HAS_S3:
        print(
            "\nPixazo reads pictures of this machine from a bucket alone: mcp-relight[s3] has it."
        )
    print("\nThen, for instance:\n")
    print("mcp-relight relight photo.jpg --look loop --model segmind/ic-light")
