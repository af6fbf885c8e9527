"""The one next step of a job: what a caller should do now, in words it can act on.

It names only what this model takes, and says what trying again costs.
"""

from mcp_relight.domain.caller import current_caller
from mcp_relight.domain.job import Job, Status
from mcp_relight.domain.models import LOCAL_MODEL
from mcp_relight.domain.words import dollars

from .better_calls import better_changes

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
    change = next(better_changes(job, report, is_seeded=is_seeded), "")
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
