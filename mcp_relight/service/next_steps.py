"""The one next step of a job: what a caller should do now, in words it can act on.

It names only what this model takes, and says what trying again costs.
"""

from collections.abc import Iterator

from mcp_relight.domain.job import Job
from mcp_relight.domain.lighting import DAYLIGHT_KELVIN, Lighting
from mcp_relight.domain.report import Flaw, Report
from mcp_relight.domain.words import dollars

_SHOW = (
    "Tell the person the path. Before you describe the picture, look at it: view_image "
    "with this job_id."
)
_FREE = "local/classic"
_STRONGEST, _LEAST_AMBIENT = 1.5, 0.1
_FURTHER_WARM, _FURTHER_COOL = 0.8, 1.3
_WARMEST, _COOLEST = 1500, 20_000
_LESS_EV, _DARKEST_EV, _MORE_EV = 0.5, -4, 1.5

_MENDS: dict[Flaw, str] = {
    "stain": "a mask of the subject, or a softer look",
    "halo": "a mask of the subject, or a look without light from behind",
    "seam": "a mask of the subject",
    "noise": "a higher exposure_ev",
    "posterized": "a lower strength",
    "clipped": "a lower exposure_ev",
}


def next_step(job: Job) -> str:
    """What the caller should do now."""
    match job.status:
        case "succeeded":
            others = " get_job tells of each of its siblings." if job.siblings else ""
            better = _better(job)
            return f"{better} {_SHOW}{others}" if better else f"{_SHOW}{others}"
        case "queued" | "running":
            waiting = f" ({job.note})" if job.note else ""
            return f"Not finished{waiting}: call get_job with this job_id and wait_s=20."
        case "unknown":
            return (
                "The provider may have taken and charged this; it will not be sent again. "
                "Check the provider's job list, then cancel_job to give it up."
            )
        case "cancelled":
            return "Nothing more will happen. Call relight_image to start again."
        case "failed":
            hint = job.error.hint if job.error else ""
            return hint or "Call relight_image again with other arguments."


def _better(job: Job) -> str:
    """The call that would come nearer to what was asked, and its price; empty where none is
    needed."""
    report = job.report
    if report is None or report.verdict in ("as asked", "not judged"):
        return ""
    change = next(_changes(job, report), "")
    if not change:
        return f"Not as asked: {report.verdict}. Another look or model may do better."
    return f"Nearer to what was asked: the same call with {change}{_price(job, change)}."


def _changes(job: Job, report: Report) -> Iterator[str]:
    """Changes of the call that would help, the most promising first."""
    is_local = job.model == _FREE
    match report.verdict:
        case "weaker":
            yield from _more(job, report)
        case "stronger":
            yield from _less(job)
        case "flawed":
            yield from _mending(job, report.flaws[:1])
        case "changed content" if job.request.finish == "as-returned" and not is_local:
            yield 'finish="light-only"'
        case _:
            pass
    if is_local:
        if job.request.mask_id is None and report.verdict in ("wrong direction", "weaker"):
            yield "a mask of the subject"
        return
    if job.request.seed is not None:
        yield "another seed"
    yield f"model={_FREE}"


def _more(job: Job, report: Report) -> Iterator[str]:
    lighting, parts = job.request.lighting, report.parts
    if "weaker" in (parts.direction, parts.contrast):
        if _takes(job, "ambient") and lighting.ambient > _LEAST_AMBIENT:
            yield f"ambient={max(round(lighting.ambient / 2, 2), 0.05):g}"
    elif parts.colour in ("weaker", "wrong"):
        yield from _further_tone(job, lighting)
    elif parts.brightness in ("weaker", "wrong") and _takes(job, "exposure_ev"):
        further = max(min(_MORE_EV * lighting.exposure_ev, 4), _DARKEST_EV)
        yield f"exposure_ev={further:g}"
    if _takes(job, "strength") and lighting.strength < _STRONGEST:
        yield f"strength={min(round(max(1.3 * lighting.strength, 0.5), 1), _STRONGEST):g}"


def _further_tone(job: Job, lighting: Lighting) -> Iterator[str]:
    key = lighting.key
    is_one = lighting.look is not None or len(lighting.lights) == 1
    if key is None or key.kelvin is None or not is_one or not _takes(job, "kelvin"):
        return
    is_warm = key.kelvin < DAYLIGHT_KELVIN
    further = key.kelvin * (_FURTHER_WARM if is_warm else _FURTHER_COOL)
    yield f"kelvin={round(min(max(further, _WARMEST), _COOLEST) / 100) * 100}"


def _less(job: Job) -> Iterator[str]:
    lighting = job.request.lighting
    if _takes(job, "strength") and lighting.strength > 0:
        yield f"strength={round(0.6 * lighting.strength, 1):g}"
    if _takes(job, "ambient"):
        yield f"ambient={max(round(lighting.ambient * 1.5, 2), 0.2):g}"


def _mending(job: Job, flaws: tuple[Flaw, ...]) -> Iterator[str]:
    """What avoids the first flaw, where this model takes it."""
    is_local = job.model == _FREE
    for flaw in flaws:
        if flaw == "clipped" and _takes(job, "exposure_ev"):
            less = max(job.request.lighting.exposure_ev - _LESS_EV, _DARKEST_EV)
            yield f"exposure_ev={less:g}"
        elif is_local and not ("mask" in _MENDS[flaw] and job.request.mask_id is not None):
            yield _MENDS[flaw]
        elif is_local:
            yield "a lower strength, or another look"
        elif job.request.finish != "as-returned" and flaw in ("halo", "seam", "stain"):
            yield 'finish="as-returned"'


def _takes(job: Job, name: str) -> bool:
    """Whether the model honours or approximates that field."""
    return any(field.name == name and field.how != "ignored" for field in job.request.fields)


def _price(job: Job, change: str) -> str:
    """What the retry costs, after the change."""
    usd = job.request.estimate.usd
    if job.model == _FREE or change == f"model={_FREE}":
        return " (free)"
    if usd is None:
        return " (price unknown)"
    return f" (costs up to {dollars(usd)} again)" if usd else " (free)"
