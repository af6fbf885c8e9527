"""What callers are shown: the results of every use case, as plain JSON values."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from mcp_relight.errors import RelightError

from .job import Cost, Failure, FieldHonesty, Sent, Stage, Status
from .lighting import Lighting
from .report import LightAnalysis, Report


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)

    def facts(self) -> dict[str, Any]:
        """This view as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class ErrorView(_View):
    code: str
    message: str
    hint: str = ""
    retryable: bool = False

    @staticmethod
    def of(error: RelightError | Failure) -> "ErrorView":
        told = error if isinstance(error, Failure) else Failure.of(error)
        return ErrorView(
            code=told.code, message=told.message, hint=told.hint, retryable=told.retryable
        )


class ImageView(_View):
    image_id: str
    uri: str
    path: str | None = None
    width: int
    height: int
    mime_type: str
    bytes: int


class JobView(_View):
    """A relighting job: what was asked, where it stands, and what came of it."""

    job_id: str
    name: str
    """Of the photo, without its extension."""
    status: Status
    stage: Stage
    model: str
    provider: str
    progress: float
    created_at: str
    updated_at: str
    images: tuple[ImageView, ...] = ()
    cost: Cost
    lighting: Lighting
    fields: tuple[FieldHonesty, ...] = ()
    report: Report | None = None
    sent: tuple[Sent, ...] = ()
    warnings: tuple[str, ...] = ()
    seed: int | None = None
    error: ErrorView | None = None
    siblings: tuple[str, ...] | None = None
    based_on: str | None = None
    next_step: str


class JobSummary(_View):
    job_id: str
    status: Status
    model: str
    look: str | None = None
    created_at: str
    image_ids: tuple[str, ...] = ()
    error_code: str | None = None


class JobList(_View):
    jobs: tuple[JobSummary, ...]
    cursor: str | None = None
    next_step: str


class PriceView(_View):
    amount: float
    unit: str
    usd_at_most: float | None = None
    source: str
    as_of: str = ""


class ModelView(_View):
    """One model. What stands below `verified` comes when one model is asked for by name."""

    model: str
    ready: bool
    summary: str
    price: PriceView
    typical_s: float | None = None
    light_controls: tuple[str, ...] | None = None
    relights: bool | None = None
    verified: bool
    title: str | None = None
    missing: str | None = None
    mode: Literal["local", "async", "sync"] | None = None
    max_count: int | None = None
    max_prompt_chars: int | None = None
    reproducible: bool | None = None
    notes: tuple[str, ...] | None = None
    parameters: dict[str, JsonValue] | None = None
    example: dict[str, JsonValue] | None = None


class ListingView(_View):
    """Where a changing list of models and prices was read: today's own, or a built-in copy."""

    source: str
    as_of: str
    live: bool


class ProviderView(_View):
    """Whether the models of one provider can be used, and what is missing."""

    provider: str
    ready: bool
    missing: str | None = None
    listing: ListingView | None = None


class ModelList(_View):
    providers: tuple[ProviderView, ...]
    models: tuple[ModelView, ...]
    default_model: str
    looks: tuple[str, ...]
    next_step: str


class Candidate(_View):
    """One model that could carry out a plan. `cost` is that of the whole call, all looks."""

    model: str
    ready: bool
    missing: str | None = None
    cost: Cost
    price_source: str
    typical_s: float | None = None
    fields: tuple[FieldHonesty, ...]
    finish: str
    request: dict[str, JsonValue]
    """What would be sent, with the picture left out."""
    problem: ErrorView | None = None


class Plan(_View):
    """What a relighting would do and cost. Nothing was spent, nothing was sent."""

    image: ImageView
    name: str
    lighting: Lighting
    candidates: tuple[Candidate, ...]
    more: int = 0
    """Further models that could do it and fit less well."""
    siblings: int = 1
    warnings: tuple[str, ...] = ()
    next_step: str


class FoundImage(_View):
    """A file, its name relative to the folder that all have in common."""

    name: str
    arrived_at: str
    job_id: str | None = None


class FoundImages(_View):
    folder: str | None = None
    images: tuple[FoundImage, ...]
    cursor: str | None = None
    allowed_folders: tuple[str, ...] | None = None
    """Where pictures are looked for; told when there are none."""
    next_step: str

    def paths(self) -> list[str]:
        folder = "" if self.folder is None else self.folder.rstrip("/") + "/"
        return [folder + image.name for image in self.images]


class AnalysisView(_View):
    image: ImageView
    name: str
    light: LightAnalysis
    next_step: str


class Comparison(_View):
    """Before and after of one job, or of two images."""

    before: ImageView
    after: ImageView
    job_id: str | None = None
    report: Report | None = None
    summary: str
