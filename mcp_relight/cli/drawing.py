"""What people see at a terminal. Progress goes to stderr, answers to stdout."""

import json
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from mcp_relight.domain.model_views import ModelList, ModelView, Plan
from mcp_relight.domain.views import AnalysisView, JobList, JobView
from mcp_relight.domain.words import dollars

Show = Callable[[float, str], Awaitable[None]]


class _Answer(Console):
    def on_broken_pipe(self) -> None:
        """Left to `session.answer`: rich would end the process as one that failed."""
        raise BrokenPipeError from None


# A table in a pipe or a file is as wide as it needs: its rows are read by other programs.
_out = _Answer(soft_wrap=True, width=None if sys.stdout and sys.stdout.isatty() else 1000)
_err = Console(stderr=True)


@contextmanager
def progress(*, visible: bool) -> Generator[Show]:
    """A bar on stderr, and a function that moves it; before that it only shows that work goes on.
    It is gone when the answer is there."""
    if not visible or not _err.is_terminal:
        yield _nowhere
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as bar:
        task = bar.add_task("working", total=None)

        async def move(fraction: float, words: str) -> None:
            bar.update(task, completed=fraction, total=1.0, description=escape(words))

        yield move


async def _nowhere(fraction: float, words: str) -> None:
    """For whoever does not watch."""


def jobs_done(views: Sequence[JobView], written: Sequence[Path] = ()) -> None:
    for view in views:
        _line("job", f"{view.job_id} ({view.status})")
        _line("model", view.model + (f", look {view.look}" if view.look else ""))
        if view.report is not None:
            _line("report", _report_line(view))
        for item in view.sent or ():
            _line("sent", f"{item.what} to {item.to}, {item.bytes:,} bytes")
        if view.cost is not None and view.cost.billed != "no":
            _line("cost", f"{_money(view.cost.usd)}, billed: {view.cost.billed}")
        for warning in view.warnings or ():
            _line("warning", warning)
        if view.error is not None:
            _line("error", f"{view.error.message} {view.error.hint}".strip())
        for image in view.images or ():
            _line("result", str(image.path or image.uri))
    for path in written:
        _line("written", str(path))


def _report_line(view: JobView) -> str:
    facts = view.report.model_dump(mode="json", exclude_none=True) if view.report else {}
    sentence = facts.get("sentence")
    return str(sentence) if sentence else json.dumps(facts)


def plan(view: Plan) -> None:
    for candidate in view.candidates:
        cost = "free" if candidate.cost.usd == 0 else _money(candidate.cost.usd)
        seconds = f"  ~{candidate.typical_s:g} s" if candidate.typical_s else ""
        _out.print(f"[bold]{candidate.model}[/bold]  {cost}{seconds}", highlight=False)
        problem = candidate.problem.message if candidate.problem else None
        _under(candidate.missing or problem or ("ready" if candidate.ready else "not ready"))
        fields = candidate.fields
        approximated, ignored = (
            (tuple(fields.approximated), fields.ignored) if fields else ((), candidate.ignored)
        )
        for how, names in (("approximated", approximated), ("ignored", ignored)):
            if names:
                _under(f"{how}: {', '.join(names)}")
    _out.print(escape(view.next_step))


def analysis(view: AnalysisView) -> None:
    facts = view.light.model_dump(mode="json", exclude_none=True)
    sentence = facts.pop("sentence", None)
    if sentence:
        _out.print(escape(str(sentence)))
    for name, value in facts.items():
        _line(name, value if isinstance(value, str) else json.dumps(value))


def job_list(page: JobList) -> None:
    # No table: it would cut or fold ids in a narrow terminal, which wraps lines by itself.
    for row in page.jobs:
        facts = f"{row.job_id}  {row.status:<9}  {row.created_at}  {row.model}  {row.look or ''}"
        _out.print(escape(facts.rstrip()), highlight=False)
    if not page.jobs:
        _err.print("No jobs.")
    if page.cursor:
        _out.print(f"More: mcp-relight jobs --cursor {page.cursor}", highlight=False)


def models(found: ModelList) -> None:
    if len(found.models) == 1 and found.models[0].parameters is not None:
        _model(found.models[0])
        return
    table = _table("model", "ready", "price at most", "what")
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
    source = f"{model.price.source} {model.price.as_of}".strip()
    _line("price", f"{_price(model)} ({source})")
    for note in model.notes or ():
        _line("note", note)
    properties = (model.parameters or {}).get("properties", {})
    if not isinstance(properties, dict):
        return
    table = _table("parameter", "rules")
    for name, rules in properties.items():
        table.add_row(name, escape(json.dumps(rules)))
    _out.print(table)


def _table(name: str, *facts: str) -> Table:
    """The first column is what people copy: it is never cut, and nothing else is left out."""
    columns = (Column(fact, overflow="fold") for fact in facts)
    return Table(Column(name, no_wrap=True), *columns, box=None, pad_edge=False)


def _price(model: ModelView) -> str:
    return "free" if model.price.usd_at_most == 0 else _money(model.price.usd_at_most)


def _money(usd: float | None) -> str:
    return "unknown" if usd is None else dollars(usd)


def _under(text: str) -> None:
    _out.print("  " + escape(text), highlight=False)


def _line(name: str, text: str) -> None:
    _out.print(f"[bold]{name:<8}[/bold] {escape(text)}", highlight=False)
