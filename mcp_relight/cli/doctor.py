"""`doctor`: checks what a relighting needs, and says what to do about each thing that is wrong."""

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Literal

import anyio

from mcp_relight import __version__
from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.domain.image import ShapeModel
from mcp_relight.domain.weights import WEIGHTS
from mcp_relight.domain.words import dollars
from mcp_relight.errors import RelightError

from . import drawing
from .client_check import check_client
from .clients import entries, files
from .clients.places import CLIENTS, Client
from .demo import SAMPLE
from .session import answer, load_settings

Verdict = Literal["ok", "note", "wrong"]
_LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    verdict: Verdict
    words: str


def doctor(namespace: argparse.Namespace) -> int:
    if namespace.client is not None:
        return anyio.run(check_client, namespace)
    settings = load_settings(namespace)
    with drawing.progress(visible=not namespace.json):
        findings = anyio.run(_examine, settings)
    wrong = [finding for finding in findings if finding.verdict == "wrong"]

    def draw() -> None:
        for title, verdict in (("", "ok"), ("To know", "note"), ("To mend", "wrong")):
            drawing.findings(
                title, [(one.what, one.words) for one in findings if one.verdict == verdict]
            )
        drawing.conclusion(len(wrong))

    facts = {"version": __version__, "findings": [asdict(finding) for finding in findings]}
    answer(facts, as_json=namespace.json, draw=draw)
    return 1 if wrong else 0


async def _examine(settings: Settings) -> list[Finding]:
    findings = [
        _version(),
        _folder("data", settings.data_folder, "MCP_RELIGHT_DATA_DIR"),
        _folder("output", settings.results_dir, "MCP_RELIGHT_OUTPUT_DIR"),
        *_readable(settings.readable_dirs),
        _networks(),
        *_clients(),
    ]
    async with Application(settings) as application:
        database = await _database(application)
        if settings.database_url is not None and database[0].verdict == "wrong":
            return [*findings, *database]  # the keys have their names from it
        findings += _misspelled(application)
        states = [*await application.examine_providers(), await application.examine_worker()]
        findings += [
            Finding(state.name, "wrong" if state.is_wrong else "ok", state.words.strip())
            for state in states
        ]
        findings += [*database, *await _engine(application)]
    return findings


def _version() -> Finding:
    versions = (
        f"mcp-relight {__version__}",
        f"Python {sys.version.split()[0]}",
        f"mcp {metadata.version('mcp')}",
        f"OpenCV {metadata.version('opencv-python-headless')}",
    )
    return Finding("version", "ok", ", ".join(versions))


async def _database(application: Application) -> list[Finding]:
    """Whether it answers, and what it says of the money."""
    started = anyio.current_time()
    try:
        service = await application.service()
        money = await service.money()
    except RelightError as error:
        return [Finding("database", "wrong", f"{error.message} {error.hint}".strip())]
    spent, left = dollars(money.spent_today_usd), dollars(money.budget_left_usd)
    return [
        Finding("database", "ok", f"answers in {anyio.current_time() - started:.1f} s"),
        Finding("money", "ok", f"{spent} spent today (UTC), {left} of the budget left"),
    ]


async def _engine(application: Application) -> list[Finding]:
    """One small picture all the way through the pixel process."""
    try:
        service = await application.service()
        sample = (resources.files("mcp_relight.cli") / "samples" / SAMPLE).read_bytes()
        trial = await service.try_engine(sample)
    except RelightError as error:
        return [Finding("engine", "wrong", f"{error.message} {error.hint}".strip())]
    found = [
        Finding("engine", "ok", f"relit a 512 px photo in {trial.seconds:.1f} s, loading included")
    ]
    if trial.shape_model is not None:
        found.append(_shape_model(trial.shape_model, trial.refused))
    return found


def _shape_model(model: ShapeModel, refused: tuple[str, ...]) -> Finding:
    """Its digest is shown to be compared with the one its publisher names."""
    words = f"{model.path}, sha256 {model.sha256 or 'unknown'}"
    if refused:
        return Finding("shape", "wrong", f"{words}: {' '.join(refused)}")
    return Finding("shape", "ok", f"{words}, used for photos without a map of their own")


def _networks() -> Finding:
    """The files that find faces and subjects; without them a simpler search goes on."""
    folder = resources.files("mcp_relight") / "engine" / "weights"
    good = 0
    for name, digest in WEIGHTS.items():
        try:
            good += hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        except OSError:
            continue
    if good < len(WEIGHTS):
        words = f"{good} of {len(WEIGHTS)} files are in order: install mcp-relight again"
        return Finding("networks", "wrong", words)
    return Finding("networks", "ok", f"all {good} files for faces and subjects are in order")


def _clients() -> Iterator[Finding]:
    """Where `install` has been: does each entry still start something?"""
    try:
        home = Path.home()
    except RuntimeError:  # as in many a container
        return
    for name, client in CLIENTS.items():
        try:
            entry = entries.find(client, files.read(client.place(home)).text)
        except RelightError:  # a file of somebody else's that cannot be read: no concern of ours
            continue
        if entry is not None:
            yield _client(name, client, str(entry.get(client.command) or ""))


def _client(name: str, client: Client, command: str) -> Finding:
    path = Path(command).expanduser()
    if path.is_absolute() and not os.access(path, os.X_OK):
        words = f"{client.title} starts a program that is gone: mcp-relight install {name}"
        return Finding("client", "wrong", words)
    if not path.is_absolute():
        words = f"{client.title} starts the server by a name that it may not find on its PATH"
        return Finding("client", "note", f"{words}: mcp-relight install {name}")
    return Finding("client", "ok", client.title + (f": {client.quirk}" if client.quirk else ""))


def _misspelled(application: Application) -> list[Finding]:
    """A misspelled limit would be no limit, and nobody would say so."""
    return [
        Finding("setting", "note", f"{name} is none" + (f": did you mean {near}?" if near else "."))
        for name, near in application.unknown_variables().items()
    ]


def _folder(what: str, folder: Path, variable: str) -> Finding:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".doctor-{os.getpid()}"
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError:
        return Finding(what, "wrong", f"{folder} cannot be written: set {variable} to another.")
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK_BYTES:
        return Finding(what, "note", f"{folder}: only {free // 1_000_000} MB free")
    return Finding(what, "ok", f"{folder} (writable, {free // 1_000_000_000} GB free)")


def _readable(folders: tuple[Path, ...]) -> Iterator[Finding]:
    readable = [folder for folder in folders if folder.is_dir() and os.access(folder, os.R_OK)]
    if readable:
        yield Finding("photos", "ok", "may be read in " + ", ".join(map(str, readable)))
    if missing := [str(folder) for folder in folders if folder not in readable]:
        yield Finding("photos", "note", "not there, or not readable: " + ", ".join(missing))
