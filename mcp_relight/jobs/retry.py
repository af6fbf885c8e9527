"""When to look at a job again, and how long its provider keeps the results."""

import random

from mcp_relight.domain.exchange import Pace
from mcp_relight.domain.job import Job

NEVER = 253_402_300_799.0
"""The end of the year 9999: when a row is due that waits for a person alone."""
LONGEST_SUBMIT_S = 160.0
"""No submit is under way for longer, whatever the provider: the slowest are ended after 152 s."""
SENT_WITHIN_S, SUBMIT_SLACK_S = 4.0, 8.0
"""How long after its row says so a submit may begin at most, and for how much longer than its
provider is given it is taken to be under way."""
KEPT_BY_PROVIDER_S = 86_400.0
"""How long results are taken to stay at a provider that does not say."""
_KEPT_AT_LEAST_S, _KEPT_AT_MOST_S = 3600.0, 7 * 86_400.0
"""A provider's own moment counts within these, the shortest and longest life any of them documents:
its clock or ours may be wrong, or the moment may be missing its time zone."""
_JITTER = 0.2
_SHARE_OF_AGE = 0.5
_SLOWEST_AT = 6
"""After so many attempts `backoff_s` has reached its longest wait."""
_random = random.SystemRandom()


def jittered(seconds: float) -> float:
    """About so long, but not at the same moment as everybody else."""
    return seconds * _random.uniform(1 - _JITTER, 1 + _JITTER)


def backoff_s(attempts: int, *, at_most_s: float = 60.0) -> float:
    """2, 4, 8 … seconds, jittered."""
    return jittered(min(at_most_s, 2.0 ** min(attempts, 10)))


def counted(attempts: int, *, is_passing: bool) -> int:
    """One more attempt. Trouble that passes by itself, however long it lasts, uses up none of those
    that an answer of no use has: an hour offline must not be the end of a paid picture."""
    return attempts + 1 if not is_passing else max(attempts, min(attempts + 1, _SLOWEST_AT))


def waited_s(job: Job, now: float) -> float:
    """How long the provider has had this job."""
    return max(0.0, now - (job.submitted_at or job.updated_at))


def poll_again_s(pace: Pace, waited_s: float) -> float:
    """When to ask again about a job that the provider has had for so long: the waits grow by half
    each time, within the provider's own pace."""
    return jittered(min(max(waited_s * _SHARE_OF_AGE, pace.first_s), pace.slowest_s))


def is_past_keeping(job: Job, now: float) -> bool:
    """Whether the provider may have deleted its results by now."""
    since = job.submitted_at or job.created_at
    expires_at = job.provider_expires_at
    if expires_at is None:
        return now > since + KEPT_BY_PROVIDER_S
    return now > min(max(expires_at, since + _KEPT_AT_LEAST_S), since + _KEPT_AT_MOST_S)
