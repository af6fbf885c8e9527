"""The words of the command line. Besides them, only the classes of the arguments are imported."""

import argparse
from pathlib import Path

from mcp_relight import __version__
from mcp_relight.domain.queries import FindArguments, ListJobsArguments, ListModelsArguments
from mcp_relight.domain.request import PlanArguments, RelightArguments

from .clients.places import CLIENTS
from .flags import add_flags
from .owner_flags import add_owners

SHELLS = ("bash", "zsh", "fish")
_JOB = "its id, the first letters of it, or latest"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcp-relight", description="Relight photos. Alone it serves MCP over stdio."
    )
    parser.add_argument("--version", action="version", version=f"mcp-relight {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = _shared_flags()

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared])

    serve = add("serve", "Serve MCP over stdio, or over HTTP on this machine.")
    serve.add_argument("--http", action="store_true", help="streamable HTTP instead of stdio")
    serve.add_argument("--host", default="127.0.0.1", help="with --http (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8765, help="with --http (8765)")

    worker = add("worker", "Carry out waiting jobs, then leave; those of a team until stopped.")
    worker.add_argument(
        "--queue",
        action="append",
        choices=["remote", "local"],
        help="with a team's database: only jobs of this kind (repeatable; both)",
    )
    worker.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    worker.add_argument("--guest", type=int, help=argparse.SUPPRESS)
    worker.add_argument("--standby", type=int, help=argparse.SUPPRESS)

    add("migrate", "Bring the job database to this version's schema; do so before a deployment.")

    add_owners(add("owners", "Tokens of a team's server, and what every owner did."), shared)

    relight = add("relight", "Relight a photo and wait for the result.")
    relight.add_argument(
        "image",
        nargs="*",
        help="path, https://…, relight://images/…, a job's id or latest; several of them, a folder "
        "or a pattern; optional with --based-on",
    )
    relight.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="OUT",
        help="also write the result here; further ones beside it, numbered; of several photos, the "
        "folder of all results",
    )
    add_flags(relight, RelightArguments, skip=frozenset({"image", "wait_s", "preview"}))

    plan = add("plan", "Show what a relighting would do and cost; spends nothing.")
    plan.add_argument("image", nargs="?", help="as in relight")
    add_flags(plan, PlanArguments, skip=frozenset({"image", "preview"}))

    models = add("models", "List the models, or show one in full.")
    models.add_argument("model", nargs="?", help="one model, with its parameters")
    add_flags(models, ListModelsArguments, skip=frozenset({"model", "cursor"}))

    jobs = add("jobs", "List jobs, newest first.")
    add_flags(jobs, ListJobsArguments, skip=frozenset())

    job = add("job", "Show one job.")
    job.add_argument("job_id", help=_JOB)
    job.add_argument("--wait-s", type=float, default=0.0, help="wait up to so many seconds")

    cancel = add("cancel", "Cancel a job, or give up one whose outcome is unknown.")
    cancel.add_argument("job_id", help=_JOB)

    forget = add("forget", "Delete jobs and the stored images no other job uses.")
    forget.add_argument("job_id", nargs="?", help=_JOB)
    forget.add_argument("--all", action="store_true", help="every job that has ended")
    forget.add_argument(
        "--outputs", action="store_true", help="the finished pictures in the output folder too"
    )
    forget.add_argument("-y", "--yes", action="store_true", help="do not ask")

    analyze = add("analyze", "Say where a photo's light comes from.")
    analyze.add_argument("image", help="path, https://…, relight://images/… or latest")

    find = add("find", "List the newest photos in the allowed folders.")
    add_flags(find, FindArguments, skip=frozenset())

    add("demo", "Relight a sample photo through the MCP server with a real client.").add_argument(
        "image", nargs="?", type=Path, help="another photo than the sample"
    )
    simulate = add("simulate", "Run the three providers on this machine, for rehearsals.")
    simulate.add_argument("--port", type=int, default=0, help="0 takes any free one (0)")
    simulate.add_argument(
        "--speed", type=float, default=1.0, help="times faster than the providers (1)"
    )
    simulate.add_argument("--journal", type=Path, help="append every charge to this file")

    doctor = add("doctor", "Check folders, engine, worker, keys and clients.")
    doctor.add_argument(
        "--client",
        nargs="?",
        const="",
        metavar="WORDS",
        help="find out what a client's model sees; then check the words it said",
    )
    install = add("install", "Add this server to a client's configuration.")
    install.add_argument(
        "--env",
        action="append",
        metavar="NAME",
        help="carry this variable over as it stands in this shell (repeatable)",
    )
    install.add_argument(
        "--keys-from-shell",
        action="store_true",
        help="keep the keys of this shell in files only you can read, and name them",
    )
    complete = add("completion", "Print what a shell needs to finish words of this command.")
    complete.add_argument("shell", choices=SHELLS)
    uninstall = add("uninstall", "Take this server out of a client's configuration.")
    for command in (install, uninstall):
        command.add_argument("client", choices=list(CLIENTS))
        command.add_argument("--dry-run", action="store_true", help="only show what would change")
    return parser


def _shared_flags() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the answer as JSON")
    shared.add_argument(
        "--allow-dir",
        dest="allowed_dirs",
        action="append",
        type=Path,
        metavar="DIR",
        help="a folder pictures may be read from (repeatable)",
    )
    shared.add_argument("--data-dir", type=Path, metavar="DIR", help="jobs and stored images")
    shared.add_argument("--output-dir", type=Path, metavar="DIR", help="finished pictures")
    shared.add_argument("--local-only", action="store_true", default=None, help="send nothing out")
    shared.add_argument("--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], default=None)
    return shared
