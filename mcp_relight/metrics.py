"""What an operator counts, for Prometheus. Nothing is loaded or counted before `enable`.

Labels are words of ours: no id, no path, no owner's text ever becomes one. The extra `team` brings
the library; without it every function here does nothing.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

_NO_LIBRARY = "# Install the extra `team` to have metrics.\n"
_PLAIN = "text/plain; charset=utf-8"
_CALL_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_REQUEST_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class _Meters:
    """All of them, in a registry of their own: other packages' meters are not ours to show."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        kept: dict[str, Any] = {"registry": self.registry}
        self.calls = Histogram(
            "mcp_relight_call_seconds",
            "Calls of tools, by tool and outcome (ok or the code of the error).",
            ["tool", "outcome"],
            buckets=_CALL_S,
            **kept,
        )
        self.moves = Counter(
            "mcp_relight_job_moves",
            "Moves of jobs to a stage, made by this process.",
            ["stage", "provider"],
            **kept,
        )
        self.requests = Histogram(
            "mcp_relight_provider_request_seconds",
            "Requests to providers, by method and outcome (the status or the code of the error).",
            ["provider", "method", "outcome"],
            buckets=_REQUEST_S,
            **kept,
        )
        self.spend = Counter(
            "mcp_relight_reserved_usd",
            "Dollars reserved for paid submits by this process.",
            ["provider"],
            **kept,
        )
        self.open = Gauge(
            "mcp_relight_open_jobs",
            "Jobs that have not ended, in the whole store, by stage.",
            ["stage"],
            **kept,
        )
        self.overdue = Gauge(
            "mcp_relight_overdue_seconds",
            "How long the job that is due for longest has waited for a worker.",
            **kept,
        )


_meters: _Meters | None = None


def enable() -> bool:
    """Count from now on. False where the library is missing."""
    global _meters
    if _meters is None and find_spec("prometheus_client") is not None:
        _meters = _Meters()
    return _meters is not None


def is_enabled() -> bool:
    return _meters is not None


def count_call(tool: str, outcome: str, seconds: float) -> None:
    if _meters is not None:
        _meters.calls.labels(tool, outcome).observe(seconds)


def count_move(stage: str, provider: str) -> None:
    if _meters is not None:
        _meters.moves.labels(stage, provider).inc()


def count_request(provider: str, method: str, outcome: str, seconds: float) -> None:
    if _meters is not None:
        _meters.requests.labels(provider, method, outcome).observe(seconds)


def count_reserved(provider: str, usd: float) -> None:
    if _meters is not None:
        _meters.spend.labels(provider).inc(usd)


def show_queue(open_jobs: Mapping[str, int], overdue_s: float) -> None:
    """What waits in the store now, by stage."""
    if _meters is None:
        return
    _meters.open.clear()
    for stage, jobs in open_jobs.items():
        _meters.open.labels(stage).set(jobs)
    _meters.overdue.set(overdue_s)


def render() -> tuple[bytes, str]:
    """Everything counted so far, and its content type."""
    if not enable() or _meters is None:
        return _NO_LIBRARY.encode(), _PLAIN
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(_meters.registry), CONTENT_TYPE_LATEST
