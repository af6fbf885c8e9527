"""`doctor`: checks what a relighting needs, and says what to do about each thing that is wrong."""

import argparse
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import anyio

from mcp_relight import __version__
from mcp_relight.bootstrap import Application, State
from mcp_relight.config import Settings
from mcp_relight.domain.pixels import ShapeModel
from mcp_relight.domain.words import dollars
from mcp_relight.errors import RelightError

from . import drawing
from .client_check import check_client
from .demo import SAMPLE
from .session import answer, load_settings, run

Verdict = Literal["ok", "note", "wrong"]
_LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    verdict: Verdict
    words: str


def doctor(namespace: argparse.Namespace) -> int:
    if namespace.client is not None:
        return run(check_client, namespace)
    settings = load_settings(namespace)
    with drawing.progress(visible=not namespace.json):
        findings = anyio.run(_examine, settings)
    wrong = any(finding.verdict == "wrong" for finding in findings)

    def draw() -> None:
        for finding in findings:
            print(f"{finding.verdict:<6}{finding.what:<10}{finding.words}")

    facts = {"version": __version__, "findings": [asdict(finding) for finding in findings]}
    answer(facts, as_json=namespace.json, draw=draw)
    return 1 if wrong else 0


async def _examine(settings: Settings) -> list[Finding]:
    findings = [
        Finding("version", "ok", f"mcp-relight {__version__}, Python {sys.version.split()[0]}"),
        _folder("data", settings.data_folder, "MCP_RELIGHT_DATA_DIR"),
        _folder("output", settings.results_dir, "MCP_RELIGHT_OUTPUT_DIR"),
        *(_readable(folder) for folder in settings.readable_dirs),
    ]
    async with Application(settings) as application:
        database = await application.examine_database()
        if database is not None:
            findings.append(_finding(database))
            if database.is_wrong:
                return findings  # nothing else can be known without it
        findings += _misspelled(application)
        states = [*await application.examine_providers(), await application.examine_worker()]
        findings += map(_finding, states)
        findings += await _money(application)
        findings += await _engine(application)
    return findings


def _finding(state: State) -> Finding:
    return Finding(state.name, "wrong" if state.is_wrong else "ok", state.words.strip())


async def _money(application: Application) -> list[Finding]:
    try:
        service = await application.service()
        money = await service.money()
    except RelightError as error:
        return [Finding("money", "wrong", f"{error.message} {error.hint}".strip())]
    spent, left = dollars(money.spent_today_usd), dollars(money.budget_left_usd)
    return [Finding("money", "ok", f"{spent} spent today (UTC), {left} of the budget left")]


async def _engine(application: Application) -> list[Finding]:
    """One small picture all the way through the pixel process."""
    try:
        service = await application.service()
        sample = (resources.files("mcp_relight.cli") / "samples" / SAMPLE).read_bytes()
        trial = await service.try_engine(sample)
    except RelightError as error:
        return [Finding("engine", "wrong", f"{error.message} {error.hint}".strip())]
    found = [Finding("engine", "ok", f"relit a 512 px photo in {trial.seconds:.1f} s")]
    if trial.shape_model is not None:
        found.append(_shape_model(trial.shape_model, trial.refused))
    return found


def _shape_model(model: ShapeModel, refused: tuple[str, ...]) -> Finding:
    """Its digest is shown to be compared with the one its publisher names."""
    words = f"{model.path}, sha256 {model.sha256 or 'unknown'}"
    if refused:
        return Finding("shape", "wrong", f"{words}: {' '.join(refused)}")
    return Finding("shape", "ok", f"{words}, used for photos without a map of their own")


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


def _readable(folder: Path) -> Finding:
    if folder.is_dir() and os.access(folder, os.R_OK):
        return Finding("photos", "ok", f"{folder} may be read")
    return Finding("photos", "note", f"{folder} does not exist or cannot be read")
