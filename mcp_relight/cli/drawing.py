"""What people see at a terminal. Progress goes to stderr, answers to stdout."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mcp_relight.domain.views import AnalysisView, JobList, JobView, ModelList, ModelView, Plan

Show = Callable[[float, str], None]


class _Answer(Console):
    def on_broken_pipe(self) -> None:
        """Left to `session.answer`: rich would end the process as one that failed."""
        raise BrokenPipeError from None


_out = _Answer(soft_wrap=True)
_err = Console(stderr=True)


@contextmanager
def progress(*, visible: bool) -> Generator[Show]:
    """A bar on stderr, and a function that moves it."""
    if not visible or not _err.is_terminal:
        yield lambda fraction, words: None
        return
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=_err)
    with bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda fraction, words: bar.update(task, completed=fraction, description=words)


def jobs_done(views: Sequence[JobView], out: Path | None) -> None:
    for view in views:
        _line("job", f"{view.job_id} ({view.status})")
        look = view.lighting.look
        _line("model", view.model + (f", look {look}" if look else ""))
        if view.report is not None:
            _line("report", _report_line(view))
        for warning in view.warnings:
            _line("warning", warning)
        if view.error is not None:
            _line("error", f"{view.error.message} {view.error.hint}".strip())
        for image in view.images:
            _line("result", str(image.path or image.uri))
    if out is not None:
        _line("written", str(out))


def _report_line(view: JobView) -> str:
    facts = view.report.model_dump(mode="json", exclude_none=True) if view.report else {}
    sentence = facts.get("sentence")
    return str(sentence) if sentence else json.dumps(facts)


def plan(view: Plan) -> None:
    table = Table("model", "ready", "cost", "time", "light", box=None, pad_edge=False)
    for candidate in view.candidates:
        cost = "free" if candidate.cost.usd == 0 else _money(candidate.cost.usd)
        ignored = [field.name for field in candidate.fields if field.how == "ignored"]
        rough = [field.name for field in candidate.fields if field.how == "approximated"]
        light = "; ".join(
            part
            for part in (
                f"approximates {', '.join(rough)}" if rough else "",
                f"ignores {', '.join(ignored)}" if ignored else "",
            )
            if part
        )
        problem = candidate.problem.message if candidate.problem else None
        ready = candidate.missing or problem or "yes"
        seconds = f"~{candidate.typical_s:g} s" if candidate.typical_s else ""
        table.add_row(candidate.model, escape(ready), cost, seconds, light or "all honoured")
    _out.print(table)
    _out.print(escape(view.next_step))


def analysis(view: AnalysisView) -> None:
    facts = view.light.model_dump(mode="json", exclude_none=True)
    sentence = facts.pop("sentence", None)
    if sentence:
        _out.print(escape(str(sentence)))
    for name, value in facts.items():
        _line(name, value if isinstance(value, str) else json.dumps(value))


def job_list(page: JobList) -> None:
    table = Table("job", "status", "model", "look", "created", box=None, pad_edge=False)
    for row in page.jobs:
        table.add_row(row.job_id, row.status, row.model, row.look or "", row.created_at)
    _out.print(table)
    if page.cursor:
        _out.print(f"More: mcp-relight jobs --cursor {page.cursor}")


def models(found: ModelList) -> None:
    if len(found.models) == 1 and found.models[0].parameters is not None:
        _model(found.models[0])
        return
    table = Table("model", "ready", "price at most", "what", box=None, pad_edge=False)
    for model in found.models:
        ready = "yes" if model.ready else "no"
        table.add_row(model.model, ready, _price(model), escape(model.summary))
    _out.print(table)
    for provider in found.providers:
        if provider.missing:
            _line(provider.provider, provider.missing)


def _model(model: ModelView) -> None:
    _line("model", model.model)
    _line("what", model.summary)
    _line("ready", "yes" if model.ready else (model.missing or "no"))
    _line("price", f"{_price(model)} ({model.price.source} {model.price.as_of})".strip())
    for note in model.notes or ():
        _line("note", note)
    properties = (model.parameters or {}).get("properties", {})
    if not isinstance(properties, dict):
        return
    table = Table("parameter", "rules", box=None, pad_edge=False)
    for name, rules in properties.items():
        table.add_row(name, escape(json.dumps(rules)))
    _out.print(table)


def _price(model: ModelView) -> str:
    return "free" if model.price.usd_at_most == 0 else _money(model.price.usd_at_most)


def _money(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.3f}"


def _line(name: str, text: str) -> None:
    _out.print(f"[bold]{name:<8}[/bold] {escape(text)}", highlight=False)
