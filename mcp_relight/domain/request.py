"""A relighting request: what is planned, and what is carried out."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from mcp_relight.errors import InvalidArgument, RequestError

from .arguments import Text
from .job import Finish
from .light_arguments import LightArguments
from .lighting import Lighting, Number
from .steps import Step
from .words import is_unset

MAX_COUNT = 12
MAX_WAIT_S = 45.0
DEFAULT_WAIT_S = 4.0


class PlanArguments(LightArguments):
    """A relighting that is only planned."""

    instead: ClassVar[Mapping[str, str]] = {"image": "based_on"}

    image: Annotated[
        str,
        Field(
            min_length=1,
            max_length=6_000_000,
            description="Required without based_on: path, file://, https://, data:, "
            "relight://images/<id>, job_id (its result), or latest (newest photo in the allowed "
            "folders); or up to 200 in one set: a folder, a pattern (dir/*.jpg), a comma list. "
            "Chat attachments never reach this server.",
        ),
    ]
    based_on: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="job_id to change: its photo and arguments, but for those given here. "
            'kelvin, intensity, softness, ambient, exposure_ev, strength also take steps: "+10%", '
            '"-0.2", "+300".',
        ),
    ] = None
    reference: Annotated[
        Text | None,
        Field(description="Another photo whose light is matched; excludes look and lights."),
    ] = None
    mask: Annotated[
        Text | None,
        Field(description="Image reference: white = subject, black = surroundings."),
    ] = None
    model: Annotated[
        Text | None,
        Field(max_length=200, description="A model of list_models; default local/classic (free)."),
    ] = None
    params: Annotated[
        Text | None,
        Field(
            max_length=20_000,
            description="JSON object of the model's own parameters.",
        ),
    ] = None
    count: Annotated[
        int | None, Field(ge=1, le=MAX_COUNT, description="1..12 pictures."), Number
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, le=2**32 - 1, description="0..4294967295, where the model takes one."),
        Number,
    ] = None
    finish: Annotated[
        Finish | None,
        Field(
            description="as-returned | light-only (the light alone on your original pixels) | auto."
        ),
    ] = None
    max_cost_usd: Annotated[
        float | None,
        Field(
            ge=0,
            le=1000,
            allow_inf_nan=False,
            description="0..1000: refuse above this price of the call; consent up to it.",
        ),
        Number,
    ] = None
    preview: Annotated[bool | None, Field(description="Also return one small inline JPEG.")] = None

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """As in `Arguments`; without a job to change, "-0.5" is a number as it stands."""
        ev = values.get("exposure_ev")
        if isinstance(ev, str) and is_unset(values.get("based_on")):
            step = Step.read(ev)
            if step is not None and step < 0 and not step.is_share:
                values = {**values, "exposure_ev": float(step)}
        return super().parse(values)

    @property
    def changes_a_job(self) -> bool:
        return self.based_on is not None

    def conflicts(self) -> Iterator[RequestError]:
        yield from super().conflicts()
        for name in ("look", "lights"):
            if self.reference is not None and getattr(self, name) is not None:
                yield InvalidArgument(
                    f"reference excludes {name}.",
                    hint=f"Match the reference, or use {name}.",
                    argument="reference",
                )

    def lightings(self) -> list[Lighting]:
        """As in `LightArguments`; a matched light tints its fill as well."""
        found = super().lightings()
        if self.reference is None or self.kelvin is None:
            return found
        return [one.model_copy(update={"ambient_kelvin": self.kelvin}) for one in found]

    @property
    def _is_matched(self) -> bool:
        return self.reference is not None


class RelightArguments(PlanArguments):
    """A relighting that is carried out."""

    wait_s: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_WAIT_S,
            allow_inf_nan=False,
            description="0..45 seconds to wait for the result (4).",
        ),
        Number,
    ] = None
    idempotency_key: Annotated[
        Text | None,
        Field(max_length=200, description="The same key returns the same job."),
    ] = None
