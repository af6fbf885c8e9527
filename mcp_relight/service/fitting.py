"""Answers that an agent can carry: what a long one leaves out, and in which order."""

from collections.abc import Callable, Sequence

from mcp_relight.domain.views import ImageView, JobView
from mcp_relight.domain.words import json_text, shortened

RUNNING_CHARS, ENDED_CHARS, ROW_CHARS = 350, 1_500, 220
"""What a job that goes on may take in an answer, one that is over, and a row of a list of jobs."""

_NOTE_CHARS, _NOTE_LEAST_CHARS = 120, 60

Spare = Callable[[JobView], JobView]
"""Leaves something out of a view."""


def fitted(view: JobView, chars: int) -> JobView:
    """The view without what can be spared, until its text has at most so many characters.

    What is left of many pictures or siblings may be longer: nothing else tells their ids.
    """
    for spare in _SPARE:
        if len(json_text(view.facts())) <= chars:
            break
        view = spare(view)
    return view


def fitted_open(view: JobView) -> JobView:
    """The same of a job that goes on; of its warnings at least the beginnings are left."""
    for spare in (_without("cost"), _without_usual_stage):
        if len(json_text(view.facts())) <= RUNNING_CHARS:
            return view
        view = spare(view)
    over = len(json_text(view.facts())) - RUNNING_CHARS
    if over <= 0 or not view.warnings:
        return view
    each = max(_NOTE_LEAST_CHARS, sum(map(len, view.warnings)) - over) // len(view.warnings)
    short = tuple(shortened(one, max(each, _NOTE_LEAST_CHARS)) for one in view.warnings)
    return view.model_copy(update={"warnings": short})


def _without(name: str) -> Spare:
    return lambda view: view.model_copy(update={name: None})


def _without_of_report(name: str) -> Spare:
    def spare(view: JobView) -> JobView:
        if view.report is None:
            return view
        return view.model_copy(update={"report": view.report.model_copy(update={name: None})})

    return spare


def _further_images_short(view: JobView) -> JobView:
    images = view.images or ()
    short = (ImageView(image_id=image.image_id, path=image.path) for image in images[1:])
    return view.model_copy(update={"images": (*images[:1], *short)})


def _short_warnings(view: JobView) -> JobView:
    if view.warnings is None:
        return view
    short = tuple(shortened(one, _NOTE_CHARS) for one in view.warnings)
    return view.model_copy(update={"warnings": short})


def _without_usual_stage(view: JobView) -> JobView:
    """Where the status says the same."""
    return _without("stage")(view) if view.stage == view.status else view


_SPARE: Sequence[Spare] = (
    _without("created_at"),
    _without_usual_stage,
    _further_images_short,
    _without_of_report("collateral"),
    _short_warnings,
    _without_of_report("stops"),
    _without_of_report("kelvin"),
    _without("stage"),
    _without_of_report("sentence"),
    _without("name"),
)
