"""When to ask a provider again: after a failed request, and while a job runs."""

from dataclasses import replace

import stamina

from mcp_relight.domain.adapter import Adapter
from mcp_relight.domain.exchange import Working
from mcp_relight.errors import ProviderBusy, ProviderDown, ProviderProtocol

_ATTEMPTS, _BUDGET_S = 5, 60.0
_PATIENCE_S = 2.0
"""A longer wish to wait is left to the rate gate, which other processes honour too."""
_SHARE_OF_AGE = 0.5
"""A job of age t is asked about again after t/2: the waits grow by half each time."""


def again():
    """Attempts at a free request, with full jitter between them."""
    return stamina.retry_context(
        on=_worth_repeating, attempts=_ATTEMPTS, timeout=_BUDGET_S, wait_initial=0.2, wait_max=5.0
    )


def _worth_repeating(error: Exception) -> bool | float:
    if isinstance(error, ProviderBusy) and error.retry_after_s is not None:
        return error.retry_after_s if error.retry_after_s <= _PATIENCE_S else False
    return isinstance(error, (ProviderBusy, ProviderDown, ProviderProtocol))


def paced(working: Working, adapter: Adapter, age_s: float) -> Working:
    """With when to ask next, and a word about a job that takes unusually long."""
    pace = adapter.pace
    wait_s = min(max(age_s * _SHARE_OF_AGE, pace.first_s), pace.slowest_s)
    note = working.note
    if age_s > adapter.deadline_s:
        note = f"{adapter.title} is slower than usual; the job is still being watched."
    return replace(working, poll_after_s=working.poll_after_s or wait_s, note=note)
