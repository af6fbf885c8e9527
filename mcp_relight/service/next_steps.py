"""The one next step of a job: what a caller should do now, in words it can act on.

It names only what this model takes, says what trying again costs, and changes the call by what the
report found.
"""

import json
from collections.abc import Callable, Iterator
from typing import TypeAlias

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.job import Job, Status
from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Light
from mcp_relight.domain.models import LOCAL_MODEL
from mcp_relight.domain.ports import JobPage
from mcp_relight.domain.report import Flaw, KelvinReport, PartWord, Report
from mcp_relight.domain.words import dollars

SHOW = "Tell the person the path; view_image with this job_id before you describe it."
SHOW_BY_URL = SHOW.replace("the path", "the url")
"""To whoever sits at another machine."""
_SHOW_ALL = (
    "view_image with this job_id shows all {} side by side and names the best; get_job tells "
    "of each of its siblings."
)
_ENDED: dict[Status, str] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "been cancelled",
}


def next_step(job: Job, *, is_seeded: bool = False) -> str:
    """What the caller should do now. `is_seeded`: another seed gives another picture."""
    match job.status:
        case "succeeded":
            better = _better(job, is_seeded=is_seeded)
            show = SHOW_BY_URL if current_caller().remote else SHOW
            if job.siblings:
                show = _SHOW_ALL.format(len(job.siblings) + 1)
            return f"{better} {show}" if better else show
        case "queued" | "running":
            waiting = f" ({job.note})" if job.note else ""
            return f"Not finished{waiting}: call get_job with this job_id and wait_s=20."
        case "unknown":
            return (
                "The provider may have taken and charged this; it will not be sent again. "
                "Check the provider's job list, then cancel_job to give it up."
            )
        case "cancelled":
            return f"Nothing more happens. relight_image with based_on={job.job_id} starts again."
        case "failed":
            hint = job.error.hint if job.error else ""
            return hint or "Call relight_image again with other arguments."


def after_list(page: JobPage, status: Status | None) -> str:
    """What to do with a page of jobs of one status, or of all."""
    if page.cursor:
        return "Call get_job with a job_id, or list_jobs with this cursor for older ones."
    if page.jobs:
        return "Call get_job with a job_id."
    if status:
        return f"No job is {status}: call list_jobs without status."
    return "No job yet: relight_image makes one."


def after_late_cancel(job: Job) -> str:
    """What became of a wish to cancel a job that was over before."""
    kept = " Its pictures are kept." if job.images else ""
    return f"Nothing was cancelled: this job had already {_ENDED[job.status]}.{kept}"


def _better(job: Job, *, is_seeded: bool) -> str:
    """The call that would come nearer to what was asked, and its price; empty where none is
    needed."""
    report = job.report
    if report is None or report.verdict == "as asked":
        return ""
    change = next(better_changes(job, report, is_seeded=is_seeded), "")
    if not change and report.verdict == "not judged":
        return ""
    if not change:
        others = f"plan_relight with based_on={job.job_id} tells what other models do and cost"
        return f"Not as asked: {report.verdict}. {others}."
    call = f"relight_image with based_on={job.job_id}, {change}"
    return f"Nearer to what was asked: {call}{_price(job, change)}."


def _price(job: Job, change: str) -> str:
    """What the retry costs, after the change."""
    usd = job.request.estimate.usd
    if job.model == LOCAL_MODEL or change == f"model={LOCAL_MODEL}":
        return " (free)"
    if usd is None:
        return " (price unknown)"
    return f" (costs up to {dollars(usd)} again)" if usd else " (free)"


_STRONGEST, _LEAST_AMBIENT = 1.5, 0.1
_FURTHER_WARM, _FURTHER_COOL = 0.8, 1.3
_NEARER_WARM, _NEARER_COOL = 1.2, 0.8
_WARMEST, _COOLEST = 1500, 20_000
_CANDLE_KELVIN = 2400
"""The warmest that words know."""
_BRIGHTER = "exposure_ev=+0.5"
_LESS_EV, _DARKEST_EV = 0.5, -4
_FELL_BACK = -0.7
"""Stops that the subject lost, unasked: what it needs is light."""
_GENTLEST = "overcast"
_MOST_STEPPED_AMBIENT = 4 / 1.5
_MASK = "mask=<picture that is white on the subject>"
_AT_THE_OUTLINE: frozenset[Flaw] = frozenset({"stain", "halo", "seam"})

_Move: TypeAlias = Callable[[Job, Report], Iterator[str]]


def better_changes(job: Job, report: Report, *, is_seeded: bool) -> Iterator[str]:
    """Changes of the job that would help, the most promising first."""
    is_local = job.model == LOCAL_MODEL
    if not is_local and _is_beyond(job, report):
        yield f"model={LOCAL_MODEL}"  # paying again would not help
    match report.verdict:
        case "not judged":
            yield from _named_colors(job, report)
            return
        case "weaker" | "stronger":
            yield from _named_colors(job, report)
            for move in _moves(report):
                yield from move(job, report)
        case "flawed":
            yield from _mending(job, report)
        case "changed content" if job.request.finish == "as-returned" and not is_local:
            yield "finish=light-only"
        case _:
            pass
    if is_local:
        is_misplaced = report.verdict in ("wrong direction", "weaker")
        if job.request.mask_id is None and is_misplaced and report.parts.colour != "wrong":
            yield _MASK
        return
    if is_seeded:
        yield "seed=<another>"
    yield f"model={LOCAL_MODEL}"


def _is_beyond(job: Job, report: Report) -> bool:
    """Whether what is wrong is what this model takes no notice of."""
    directions = ("azimuth_deg", "elevation_deg", "light_at")
    tones = ("kelvin", "color")
    is_side_wrong = report.parts.direction in ("weaker", "wrong")
    is_tone_wrong = report.parts.colour in ("weaker", "wrong")
    return (is_side_wrong and not any(_takes(job, name) for name in directions)) or (
        is_tone_wrong and not any(_takes(job, name) for name in tones)
    )


def _stronger(job: Job, _: Report) -> Iterator[str]:
    if _is_exact(job, "strength"):
        yield from _any_stronger(job)


def _any_stronger(job: Job) -> Iterator[str]:
    """Also where only words tell it."""
    strength = job.request.lighting.strength
    if _takes(job, "strength") and strength < _STRONGEST:
        is_room = 0 < strength * 1.3 <= _STRONGEST
        yield "strength=+30%" if is_room else f"strength={_STRONGEST if strength else 1}"


def _gentler(job: Job, _: Report) -> Iterator[str]:
    if _takes(job, "strength") and job.request.lighting.strength > 0:
        yield "strength=-40%"


def _less_fill(job: Job, _: Report) -> Iterator[str]:
    if _takes(job, "ambient") and job.request.lighting.ambient > _LEAST_AMBIENT:
        # Words say only whether there is little fill or none.
        yield "ambient=-50%" if _is_exact(job, "ambient") else "ambient=0.05"


def _more_fill(job: Job, _: Report) -> Iterator[str]:
    ambient = job.request.lighting.ambient
    if _is_exact(job, "ambient"):
        yield "ambient=+50%" if 0.13 <= ambient <= _MOST_STEPPED_AMBIENT else "ambient=0.2"


def _out_of_the_dark(job: Job, report: Report) -> Iterator[str]:
    """Light where the lit side fell dark; the front of what is lit from behind is to be dark."""
    lighting = job.request.lighting
    is_behind = all(light.is_behind for light in lighting.leading)
    is_fallen = report.stops.subject < _FELL_BACK and not lighting.is_dark and not is_behind
    if is_fallen and _is_exact(job, "exposure_ev"):
        yield _BRIGHTER


def _further_exposure(job: Job, _: Report) -> Iterator[str]:
    if _is_exact(job, "exposure_ev"):
        yield "exposure_ev=+50%"


def _nearer_exposure(job: Job, _: Report) -> Iterator[str]:
    """Back towards the level of the photo."""
    if _is_exact(job, "exposure_ev"):
        yield _BRIGHTER if job.request.lighting.exposure_ev < 0 else _darker(job)


def _darker(job: Job) -> str:
    """As a number: "-0.5" is a step as text and none as a number, and means darker either way."""
    return f"exposure_ev={max(job.request.lighting.exposure_ev - _LESS_EV, _DARKEST_EV):g}"


def _further_tone(job: Job, _: Report) -> Iterator[str]:
    key = _toned_key(job)
    if key is None or key.kelvin is None:
        return
    is_warm = key.kelvin < DAYLIGHT_KELVIN
    if not _is_exact(job, "kelvin"):
        if is_warm and key.kelvin > _CANDLE_KELVIN:
            yield f"kelvin={_CANDLE_KELVIN}"
        return
    if _WARMEST <= key.kelvin * (_FURTHER_WARM if is_warm else _FURTHER_COOL) <= _COOLEST:
        yield "kelvin=-20%" if is_warm else "kelvin=+30%"
    elif key.kelvin not in (_WARMEST, _COOLEST):
        yield f"kelvin={_WARMEST if is_warm else _COOLEST}"


def _nearer_tone(job: Job, _: Report) -> Iterator[str]:
    """Back towards daylight."""
    key = _toned_key(job)
    if key is None or key.kelvin is None or not _is_exact(job, "kelvin"):
        return
    if key.kelvin * _NEARER_WARM < DAYLIGHT_KELVIN:
        yield "kelvin=+20%"
    elif key.kelvin * _NEARER_COOL > DAYLIGHT_KELVIN:
        yield "kelvin=-20%"


def _toned_key(job: Job) -> Light | None:
    """The light whose kelvin an argument would change."""
    lighting = job.request.lighting
    return lighting.key if lighting.look is not None or len(lighting.lights) == 1 else None


def _named_colors(job: Job, report: Report) -> Iterator[str]:
    """A look alone gives a black-and-white photo no color here, and its sides nothing to tell them
    by."""
    lighting, parts = job.request.lighting, report.parts
    colored = [light for light in lighting.lights if light.color is not None]
    is_left_out = (parts.colour, parts.direction) == ("not asked", "not measurable")
    if job.model != LOCAL_MODEL or lighting.look is None or not is_left_out or not colored:
        return
    lights = [light.model_dump(include={"azimuth_deg", "color"}) for light in colored]
    yield f"lights={json.dumps(lights, separators=(',', ':'))}"


def _right_tone(job: Job, report: Report) -> Iterator[str]:
    """Where the colour went the other way. What lies over things and is not theirs stays there with
    less strength too."""
    if _went_back(report.kelvin):
        yield from _further_tone(job, report)


def _went_back(kelvin: KelvinReport) -> bool:
    if kelvin.requested is None or kelvin.before is None or kelvin.shift is None:
        return False
    return kelvin.shift * (kelvin.requested - kelvin.before) < 0


_FALLS_SHORT: frozenset[PartWord] = frozenset({"weaker", "wrong"})
_TABLE: tuple[tuple[str, frozenset[PartWord], tuple[_Move, ...]], ...] = (
    ("direction", _FALLS_SHORT, (_stronger, _less_fill)),
    ("contrast", frozenset({"weaker"}), (_out_of_the_dark, _stronger, _less_fill)),
    ("contrast", frozenset({"wrong"}), (_more_fill, _gentler)),
    ("colour", frozenset({"weaker"}), (_further_tone, _stronger)),
    ("colour", frozenset({"wrong"}), (_right_tone,)),
    ("brightness", _FALLS_SHORT, (_further_exposure,)),
    ("contrast", frozenset({"stronger"}), (_gentler, _more_fill)),
    ("colour", frozenset({"stronger"}), (_nearer_tone, _gentler)),
    ("brightness", frozenset({"stronger"}), (_nearer_exposure,)),
)
"""The first row of which the part has that word gives the moves, the most promising first."""


def _moves(report: Report) -> Iterator[_Move]:
    words = report.parts.model_dump()
    for part, rows, moves in _TABLE:
        if words[part] in rows:
            yield from moves
            break
    if report.verdict == "stronger":
        yield from (_gentler, _more_fill)
    elif "wrong" not in words.values():
        yield lambda job, _: _any_stronger(job)


def _mending(job: Job, report: Report) -> Iterator[str]:
    """What avoids the first flaw, where this model takes it."""
    request, is_local = job.request, job.model == LOCAL_MODEL
    for flaw in report.flaws[:1]:
        if flaw == "clipped" and _takes(job, "exposure_ev"):
            yield _BRIGHTER if _is_drowned(report) else _darker(job)
        elif is_local and flaw in _AT_THE_OUTLINE and request.mask_id is None:
            yield _MASK
        elif is_local and request.lighting.strength > 0:
            yield "strength=-30%"
        elif is_local:
            yield f"look={_GENTLEST}"
        elif request.finish != "as-returned" and flaw in _AT_THE_OUTLINE:
            yield "finish=as-returned"


def _is_drowned(report: Report) -> bool:
    """What lost its detail lost it in the dark: nothing gained light."""
    subject, background = report.stops.subject, report.stops.background
    return subject < _FELL_BACK and (background is None or background < _FELL_BACK)


def _takes(job: Job, name: str) -> bool:
    """Whether the model honours or approximates that field."""
    return any(field.name == name and field.how != "ignored" for field in job.request.fields)


def _is_exact(job: Job, name: str) -> bool:
    """Whether a little more of that field makes another picture."""
    return any(field.name == name and field.how == "honoured" for field in job.request.fields)
