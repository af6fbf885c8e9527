"""The arguments of every use case but relighting itself."""

from typing import Annotated, Literal

from pydantic import Field

from .arguments import Arguments, Text
from .job import Status
from .light_arguments import LightArguments
from .lighting import Number
from .request import MAX_WAIT_S, PlanArguments


class GetJobArguments(Arguments):
    job_id: Annotated[str, Field(max_length=100, description="job_id or set_id.")]
    wait_s: Annotated[
        float | None,
        Field(ge=0, le=MAX_WAIT_S, allow_inf_nan=False, description="0..45 seconds to wait (4)."),
        Number,
    ] = None
    preview: Annotated[bool | None, Field(description="Also return one small inline JPEG.")] = None


class ListJobsArguments(Arguments):
    status: Annotated[
        Status | None,
        Field(description="queued | running | succeeded | failed | cancelled | unknown."),
    ] = None
    limit: Annotated[int | None, Field(ge=1, le=100, description="1..100 (20)."), Number] = None
    cursor: Annotated[
        Text | None, Field(max_length=200, description="From the previous page's answer.")
    ] = None


class CancelJobArguments(Arguments):
    job_id: Annotated[str, Field(max_length=100, description="job_id or set_id.")]


class ListModelsArguments(Arguments):
    provider: Annotated[
        Text | None, Field(max_length=100, description="Only the models of this one.")
    ] = None
    query: Annotated[
        Text | None,
        Field(max_length=200, description="Words of a model's name or summary; all must match."),
    ] = None
    model: Annotated[
        Text | None,
        Field(
            max_length=200,
            description="A model id: that model alone, with params, example, cost, limits.",
        ),
    ] = None
    include: Annotated[
        Literal["relight", "all"] | None,
        Field(description="relight (default) | all: also models that cannot relight."),
    ] = None
    cursor: Annotated[
        Text | None, Field(max_length=200, description="From the previous page's answer.")
    ] = None


class AnalyzeArguments(Arguments):
    image: Annotated[
        str, Field(min_length=1, max_length=6_000_000, description="As in relight_image.")
    ]


class ViewArguments(Arguments):
    image: Annotated[
        str,
        Field(
            min_length=1,
            max_length=6_000_000,
            description="Image, job or set ids or references; up to 13, comma separated, make one "
            "labelled contact sheet.",
        ),
    ]
    max_edge: Annotated[
        int | None, Field(ge=64, le=2048, description="64..2048 px (1024)."), Number
    ] = None


class PictureArguments(Arguments):
    """One picture for the before/after app."""

    image: Annotated[str, Field(min_length=1, max_length=4096)]
    max_edge: Annotated[int | None, Field(ge=64, le=2048), Number] = None


class PreviewArguments(LightArguments):
    """A light that the before/after app tries on a small copy."""

    image: Annotated[str, Field(min_length=1, max_length=4096)]

    def as_plan(self) -> PlanArguments:
        return PlanArguments(**self.model_dump(exclude_none=True))


class FindArguments(Arguments):
    null_is_a_word = frozenset({"folder", "query"})

    folder: Annotated[
        Text | None, Field(max_length=4096, description="Only this allowed folder.")
    ] = None
    query: Annotated[Text | None, Field(max_length=200, description="Part of the file's name.")] = (
        None
    )
    include: Annotated[
        Literal["photos", "results"] | None,
        Field(description="photos (default) | results: also pictures made here."),
    ] = None
    limit: Annotated[int | None, Field(ge=1, le=100, description="1..100 (10)."), Number] = None
    cursor: Annotated[
        Text | None, Field(max_length=200, description="From the previous page's answer.")
    ] = None


class CompareArguments(Arguments):
    job_id: Annotated[
        Text | None,
        Field(max_length=100, description="A finished job; excludes before and after."),
    ] = None
    before: Annotated[
        Text | None,
        Field(max_length=4096, description="First picture, as image in relight_image; with after."),
    ] = None
    after: Annotated[
        Text | None, Field(max_length=4096, description="Second picture, likewise; with before.")
    ] = None
