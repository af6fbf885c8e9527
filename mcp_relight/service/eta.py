"""When a job should be finished: a guess, so that a caller asks again neither too soon nor late."""

import math

from mcp_relight.domain.job import Job
from mcp_relight.domain.models import ModelSpec

_LOCAL_S, _REMOTE_S = 10.0, 30.0
"""Where nobody measured a model's usual time."""
_LEAST_S, _OVERDUE = 2.0, 0.25
"""A job past its usual time is given this share of it more."""


def eta_s(job: Job, spec: ModelSpec | None, *, now: float) -> int:
    """Seconds from `now`; `spec` is None for a model that is no longer in the list."""
    usual_s = (spec.typical_s if spec else None) or (_LOCAL_S if job.is_local else _REMOTE_S)
    elapsed_s = max(0.0, now - job.created_at)  # the clock may have been set back
    left_s = usual_s - elapsed_s if elapsed_s < usual_s else _OVERDUE * usual_s
    return math.ceil(max(left_s, _LEAST_S))
