"""The one next step of a job: what a caller should do now, in words it can act on.

It names only what this model takes, and says what trying again costs.
"""

from collections.abc import Iterator

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.job import Job, Status
from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Lighting
from mcp_relight.domain.report import Flaw, Report
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
_FREE = "local/classic"
_STRONGEST, _LEAST_AMBIENT = 1.5, 0.1
_FURTHER_WARM, _FURTHER_COOL = 0.8, 1.3
_WARMEST, _COOLEST = 1500, 20_000
_CANDLE_KELVIN = 2400
"""The warmest that words know."""
_LESS_EV, _DARKEST_EV, _MORE_EV = 0.5, -4, 1.5
_FELL_BACK = -0.7
"""Stops that the subject lost, unasked: what it needs is light."""
_GENTLEST = "overcast"
_MOST_STEPPED_AMBIENT = 4 / 1.5
_MASK = "mask=<picture that is white on the subject>"
_AT_THE_OUTLINE: frozenset[Flaw] = frozenset({"stain", "halo", "seam"})


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


def after_late_cancel(job: Job) -> str:
    """What became of a wish to cancel a job that was over before."""
    kept = " Its pictures are kept." if job.images else ""
    return f"Nothing was cancelled: this job had already {_ENDED[job.status]}.{kept}"


def _better(job: Job, *, is_seeded: bool) -> str:
    """The call that would come nearer to what was asked, and its price; empty where none is
    needed."""
    report = job.report
    if report is None or report.verdict in ("as asked", "not judged"):
        return ""
    change = next(_changes(job, report, is_seeded=is_seeded), "")
    if not change:
        others = f"plan_relight with based_on={job.job_id} tells what other models do and cost"
        return f"Not as asked: {report.verdict}. {others}."
    call = f"relight_image with based_on={job.job_id}, {change}"
    return f"Nearer to what was asked: {call}{_price(job, change)}."


def _changes(job: Job, report: Report, *, is_seeded: bool) -> Iterator[str]:
    """Changes of the job that would help, the most promising first."""
    is_local = job.model == _FREE
    if not is_local and _is_beyond(job, report):
        yield f"model={_FREE}"  # paying again would not help
    match report.verdict:
        case "weaker":
            yield from _more(job, report)
        case "stronger":
            yield from _less(job)
        case "flawed":
            yield from _mending(job, report.flaws[:1])
        case "changed content" if job.request.finish == "as-returned" and not is_local:
            yield "finish=light-only"
        case _:
            pass
    if is_local:
        if job.request.mask_id is None and report.verdict in ("wrong direction", "weaker"):
            yield _MASK
        return
    if is_seeded:
        yield "seed=<another>"
    yield f"model={_FREE}"


def _is_beyond(job: Job, report: Report) -> bool:
    """Whether what is wrong is what this model takes no notice of."""
    directions = ("azimuth_deg", "elevation_deg", "light_at")
    tones = ("kelvin", "color")
    is_side_wrong = report.parts.direction in ("weaker", "wrong")
    is_tone_wrong = report.parts.colour in ("weaker", "wrong")
    return (is_side_wrong and not any(_takes(job, name) for name in directions)) or (
        is_tone_wrong and not any(_takes(job, name) for name in tones)
    )


def _more(job: Job, report: Report) -> Iterator[str]:
    lighting, parts = job.request.lighting, report.parts
    darker = report.stops.subject < _FELL_BACK and not lighting.is_dark
    if parts.contrast == "weaker" and darker and _is_exact(job, "exposure_ev"):
        yield f"exposure_ev={min(lighting.exposure_ev + _LESS_EV, 4):g}"
    if "weaker" in (parts.direction, parts.contrast):
        if _takes(job, "ambient") and lighting.ambient > _LEAST_AMBIENT:
            # Words say only whether there is little fill or none.
            yield "ambient=-50%" if _is_exact(job, "ambient") else "ambient=0.05"
    elif parts.colour in ("weaker", "wrong"):
        yield from _further_tone(job, lighting)
    elif parts.brightness in ("weaker", "wrong") and _is_exact(job, "exposure_ev"):
        further = max(min(_MORE_EV * lighting.exposure_ev, 4), _DARKEST_EV)
        yield f"exposure_ev={further:g}"
    if _takes(job, "strength") and lighting.strength < _STRONGEST:
        is_room = 0 < lighting.strength * 1.3 <= _STRONGEST
        yield "strength=+30%" if is_room else f"strength={_STRONGEST if lighting.strength else 1}"


def _further_tone(job: Job, lighting: Lighting) -> Iterator[str]:
    key = lighting.key
    is_one = lighting.look is not None or len(lighting.lights) == 1
    if key is None or key.kelvin is None or not is_one or not _takes(job, "kelvin"):
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


def _less(job: Job) -> Iterator[str]:
    lighting = job.request.lighting
    if _takes(job, "strength") and lighting.strength > 0:
        yield "strength=-40%"
    if _is_exact(job, "ambient"):
        yield "ambient=+50%" if 0.13 <= lighting.ambient <= _MOST_STEPPED_AMBIENT else "ambient=0.2"


def _mending(job: Job, flaws: tuple[Flaw, ...]) -> Iterator[str]:
    """What avoids the first flaw, where this model takes it."""
    request, is_local = job.request, job.model == _FREE
    for flaw in flaws:
        if flaw == "clipped" and _takes(job, "exposure_ev"):
            less = max(request.lighting.exposure_ev - _LESS_EV, _DARKEST_EV)
            yield f"exposure_ev={less:g}"
        elif flaw == "noise" and is_local:
            yield f"exposure_ev={min(request.lighting.exposure_ev + _LESS_EV, 4):g}"
        elif is_local and flaw in _AT_THE_OUTLINE and request.mask_id is None:
            yield _MASK
        elif is_local and request.lighting.strength > 0:
            yield "strength=-30%"
        elif is_local:
            yield f"look={_GENTLEST}"
        elif request.finish != "as-returned" and flaw in _AT_THE_OUTLINE:
            yield "finish=as-returned"


def _takes(job: Job, name: str) -> bool:
    """Whether the model honours or approximates that field."""
    return any(field.name == name and field.how != "ignored" for field in job.request.fields)


def _is_exact(job: Job, name: str) -> bool:
    """Whether a little more of that field makes another picture."""
    return any(field.name == name and field.how == "honoured" for field in job.request.fields)


def _price(job: Job, change: str) -> str:
    """What the retry costs, after the change."""
    usd = job.request.estimate.usd
    if job.model == _FREE or change == f"model={_FREE}":
        return " (free)"
    if usd is None:
        return " (price unknown)"
    return f" (costs up to {dollars(usd)} again)" if usd else " (free)"
