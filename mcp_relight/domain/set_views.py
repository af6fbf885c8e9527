"""What callers are shown of a set."""

from typing import Any

from pydantic import BaseModel, create_model

from .job import Status
from .report import Verdict
from .views import JobView, View


class SetLine(View):
    """One picture of a set in one light."""

    name: str
    look: str | None = None
    status: Status
    verdict: Verdict | None = None
    path: str | None = None
    job_id: str | None = None
    error: str | None = None


class SetView(View):
    """One call for many pictures. `failed` counts those of unknown outcome too."""

    set_id: str
    status: Status
    model: str
    progress: float
    eta_s: int | None = None
    pictures: int
    done: int
    failed: int
    cost_usd: float
    items: tuple[SetLine, ...]
    warnings: tuple[str, ...] | None = None
    next_step: str


def _either(one: type[BaseModel], other: type[BaseModel]) -> type[BaseModel]:
    """A class whose schema fits both: what only one of them has is optional."""
    fields: dict[str, Any] = {}
    for name in {**one.model_fields, **other.model_fields}:
        mine = one.model_fields.get(name) or other.model_fields[name]
        in_both = name in one.model_fields and name in other.model_fields
        kind: Any = mine.annotation
        is_required = in_both and mine.is_required()
        fields[name] = (kind, ...) if is_required else (kind | None, None)
    return create_model("JobOrSet", __config__=View.model_config, **fields)


JobOrSet = _either(JobView, SetView)
"""Clients check an answer by one schema, which cannot say "one of these"."""
