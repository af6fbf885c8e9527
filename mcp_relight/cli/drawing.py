"""What people see at a terminal. Progress goes to stderr, answers to stdout."""

import json
import sys
import textwrap
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mcp_relight.domain.model_views import ModelList, ModelView, Plan
from mcp_relight.domain.set_views import SetView
from mcp_relight.domain.views import AnalysisView, JobList, JobRow, JobView
from mcp_relight.domain.words import dollars
from mcp_relight.service.forgetting import Gone, Leaving
from mcp_relight.service.job_names import SHORT_ID_LETTERS, short_id

from .commands import in_commands, without_tools

Show = Callable[[float, str], Awaitable[None]]


class _Answer(Console):
    def on_broken_pipe(self) -> None:
        """Left to `session.answer`: rich would end the process as one that failed."""
        raise BrokenPipeError from None


_IS_TERMINAL = bool(sys.stdout and sys.stdout.isatty())
# What goes into a pipe or a file is as wide as it needs: other programs read it.
_out = _Answer(soft_wrap=True, width=None if _IS_TERMINAL else 1000)
_err = Console(stderr=True)
_NARROWEST = 40
_LABEL, _STATE = 9, len("wrong direction")


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
            # At once: a small picture is done before the bar is next drawn by itself.
            bar.update(task, completed=fraction, total=1.0, description=escape(words), refresh=True)

        yield move


async def _nowhere(fraction: float, words: str) -> None:
    """For whoever does not watch."""


def job_or_set(view: JobView | SetView) -> None:
    if isinstance(view, SetView):
        set_done(view)
    else:
        jobs_done([view])


def set_done(view: SetView, before: int = 0) -> None:
    """A summary: what became of how many, where they are, and every one that is not as hoped."""
    succeeded = sum(line.status == "succeeded" for line in view.items)
    told = f"{succeeded} of {view.pictures} pictures done"
    if before:
        told += f", {before} of them before"
    _line("set", f"{view.set_id} ({view.status}): {told}")
    _line("model", view.model)
    if view.cost_usd:
        _line("cost", dollars(view.cost_usd))
    for warning in view.warnings or ():
        _line("warning", warning)
    for line in view.items:
        if line.status != "succeeded":
            _line(line.status, f"{line.name}  {line.error or ''}".rstrip())
    folders = {str(Path(line.path).parent): None for line in view.items if line.path is not None}
    for folder in folders:
        _line("folder", folder)


def jobs_done(views: Sequence[JobView], written: Sequence[Path] = ()) -> None:
    for view in views:
        shown = short_id(view.job_id) if _IS_TERMINAL else view.job_id
        _line("job", ", ".join(filter(None, (f"{shown} ({view.status})", view.name))))
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
            _line(
                "error",
                f"{without_tools(view.error.message)} {in_commands(view.error.hint)}".strip(),
            )
        for image in view.images or ():
            _copied("result", str(image.path or image.uri))
    for path in written:
        _copied("written", str(path))


def _report_line(view: JobView) -> str:
    facts = view.report.model_dump(mode="json", exclude_none=True) if view.report else {}
    sentence = facts.get("sentence")
    return str(sentence) if sentence else json.dumps(facts)


def plan(view: Plan) -> None:
    for candidate in view.candidates:
        cost = "free" if candidate.cost.usd == 0 else _money(candidate.cost.usd)
        seconds = f"  ~{candidate.typical_s:g} s" if candidate.typical_s else ""
        _head(candidate.model, f"{cost}{seconds}")
        problem = candidate.problem.message if candidate.problem else None
        _under(candidate.missing or problem or ("ready" if candidate.ready else "not ready"))
        fields = candidate.fields
        approximated, ignored = (
            (tuple(fields.approximated), fields.ignored) if fields else ((), candidate.ignored)
        )
        for how, names in (("approximated", approximated), ("ignored", ignored)):
            if names:
                _under(f"{how}: {', '.join(names)}")
        for warning in candidate.warnings or ():
            _under(warning)
    spent, left = dollars(view.spent_today_usd), dollars(view.budget_left_usd)
    _text(f"{spent} spent today (UTC), {left} of the budget left.")
    _text(in_commands(view.next_step))


def analysis(view: AnalysisView) -> None:
    facts = view.light.model_dump(mode="json", exclude_none=True)
    sentence = facts.pop("sentence", None)
    if sentence:
        _text(str(sentence))
    width = max(map(len, facts), default=0) + 1
    for name, value in facts.items():
        _line(name, value if isinstance(value, str) else json.dumps(value), width=width)


def job_list(page: JobList) -> None:
    for row in page.jobs:
        _job_row(row, page.folder)
    if not page.jobs:
        _err.print("No jobs.")
    if page.cursor:
        _out.print(f"More: mcp-relight jobs --cursor {page.cursor}", highlight=False)
    spent, left = dollars(page.spent_today_usd), dollars(page.budget_left_usd)
    _out.print(f"Spent today (UTC): {spent}; left of the day's budget: {left}", highlight=False)


def _job_row(row: JobRow, folder: str | None) -> None:
    """One line in a pipe; at a terminal short ones, with the part of the id that one types, what
    came of the job, and where its picture is."""
    if not _IS_TERMINAL:
        facts = f"{row.job_id}  {row.status:<9}  {row.created_at}  {row.model}  {row.look or ''}"
        _out.print(escape(facts.rstrip()), highlight=False)
        return
    state = row.verdict or row.error_code or row.status
    cost = "free" if row.model.startswith("local/") else _money(row.cost_usd)
    what = ", ".join(part for part in (row.name, row.look) if part)
    room = _width() - SHORT_ID_LETTERS - _STATE - len(cost) - 6
    _head(short_id(row.job_id), f"{state:<{_STATE}}  {_cut(what, room):<{room}}  {cost}")
    _under(f"{_local_time(row.created_at)}  {row.model}")
    if row.path:
        _out.print("  " + escape(str(Path(folder or "") / row.path)), highlight=False)


def can_ask() -> bool:
    """Whether there is a person to ask."""
    return bool(sys.stdin and sys.stdin.isatty()) and _err.is_terminal


def agrees_to_forget(leaving: Leaving, *, with_copies: bool) -> bool:
    """Say what would go and what stays, and ask."""
    copies = _several(len(leaving.copies), "finished picture") + _in_folders(leaving.copies)
    goes = [
        f"{_several(leaving.jobs, 'job')}, {_several(leaving.pictures, 'stored picture')} "
        f"({leaving.bytes / 1e6:.1f} MB) and what was measured of them"
    ]
    stays = ["your own photos, and the record of what was spent"]
    if leaving.copies and with_copies:
        goes.append(f"{copies}, but for those you changed")
    elif leaving.copies:
        stays.append(f"{copies} (--outputs deletes them too)")
    for title, lines in (("This deletes for good:", goes), ("It keeps:", stays)):
        _err.print(title)
        for line in lines:
            _err.print(_wrapped(line, indent="  "), markup=False, highlight=False)
    _err.print("Delete? [y/N] ", end="", markup=False, highlight=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def forgotten(gone: Gone) -> None:
    copies = f" and {_several(gone.copies, 'finished picture')}" if gone.copies else ""
    _text(f"Forgot {_several(gone.jobs, 'job')}{copies}.")
    for path in gone.copies_kept:
        _copied("kept", f"{path}  (changed or moved since)")


def _in_folders(paths: Sequence[str]) -> str:
    folders = sorted({str(Path(path).parent) for path in paths})
    return f" in {folders[0]}" if len(folders) == 1 else ""


def findings(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """What `doctor` found, of one kind."""
    if title and rows:
        _text(f"\n{title}")
    for what, words in rows:
        _line(what, words, width=11)


def conclusion(wrong: int) -> None:
    _text(f"\n{_several(wrong, 'thing')} to mend." if wrong else "\nAll is well.")


def models(found: ModelList) -> None:
    if len(found.models) == 1 and found.models[0].parameters is not None:
        _model(found.models[0])
        return
    for model in found.models:
        _head(model.model, _price(model) + ("" if model.ready else "  (not ready)"))
        _under(model.summary)
    for provider in found.providers:
        if provider.missing:
            _line(provider.provider, provider.missing, width=12)


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
    for name, rules in properties.items():
        _head(name, "")
        _under(_rules(rules) if isinstance(rules, dict) else json.dumps(rules))


def _rules(rules: dict[str, Any]) -> str:
    """A parameter's schema as a line: `0..1 (0.7). What it does.`, and what else it holds."""
    rest = {key: value for key, value in rules.items() if key not in {"title", "anyOf"}}
    kinds: list[dict[str, Any]] = [
        kind for kind in rules.get("anyOf", ()) if kind.get("type") != "null"
    ]
    for kind in kinds[:1]:
        rest = kind | rest
    words = " | ".join(map(str, rest.pop("enum", ()))) or str(rest.get("type", ""))
    rest.pop("type", None)
    low, high = rest.pop("minimum", None), rest.pop("maximum", None)
    if low is not None or high is not None:
        words = f"{'' if low is None else low}..{'' if high is None else high}"
    default = rest.pop("default", None)
    if default is not None:
        words += f" ({json.dumps(default).strip(chr(34))})"
    told = str(rest.pop("description", ""))
    return ". ".join(part for part in (words, told) if part) + (
        f" {json.dumps(rest)}" if rest else ""
    )


def _price(model: ModelView) -> str:
    if model.price.usd_at_most == 0:
        return "free"
    at_most = model.price.usd_at_most
    return "price unknown" if at_most is None else f"{dollars(at_most)} at most"


def _money(usd: float | None) -> str:
    return "unknown" if usd is None else dollars(usd)


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _local_time(iso: str) -> str:
    """As the clock on the wall shows it."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")


def _width() -> int:
    return max(_NARROWEST, _out.width)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"


def _wrapped(text: str, *, indent: str, first: str | None = None) -> str:
    """Folded between words to the width of the terminal; what is longer than a line is left whole,
    to be copied."""
    if not _IS_TERMINAL:
        return (indent if first is None else first) + text
    return textwrap.fill(
        text,
        _width(),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _text(text: str) -> None:
    _out.print(_wrapped(text, indent=""), markup=False, highlight=False)


def _head(name: str, text: str) -> None:
    """What people copy comes first, and whole."""
    line = f"[bold]{escape(name)}[/bold]  {escape(text)}"
    if _IS_TERMINAL and len(name) + 2 + len(text) > _width():
        _out.print(f"[bold]{escape(name)}[/bold]", highlight=False)
        _under(text)
        return
    _out.print(line, highlight=False)


def _under(text: str) -> None:
    _out.print(_wrapped(text, indent="  "), markup=False, highlight=False)


def _line(name: str, text: str, *, width: int = _LABEL) -> None:
    label = f"{name:<{width}}"
    words = _wrapped(text, indent=" " * width, first=label)[len(label) :]
    _out.print(f"[bold]{label}[/bold]{escape(words)}", highlight=False)


def _copied(name: str, path: str) -> None:
    """A path stays on one line, however long."""
    _out.print(f"[bold]{name:<{_LABEL}}[/bold]{escape(path)}", highlight=False)
