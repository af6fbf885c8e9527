"""What callers are shown: the results of every use case, as plain JSON values.

An agent carries every answer in its context, so each is small: see `*_CHARS`, and
tests/server/test_sizes.py.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from mcp_relight.errors import RelightError

from .job import Cost, Failure, Sent, Stage, Status
from .report import (
    CollateralReport,
    DirectionReport,
    Flaw,
    KelvinReport,
    LightAnalysis,
    MatchReport,
    Parts,
    Report,
    StopsReport,
    Verdict,
)


class View(BaseModel):
    # Made when the first is: whoever lists the tools shows none.
    model_config = ConfigDict(frozen=True, defer_build=True)

    def facts(self) -> dict[str, Any]:
        """This view as JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class ErrorView(View):
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


class ImageView(View):
    """A stored picture. Of a long row of alike ones, all but the first say only id and path."""

    image_id: str
    uri: str | None = None
    path: str | None = None
    url: str | None = None
    """Where anybody can fetch it until `expires_at`; told in place of `path` to other machines."""
    expires_at: str | None = None
    width: int | None = None
    height: int | None = None
    mime_type: str | None = None
    bytes: int | None = None


class ReportView(View):
    """A report as a job tells it: a long answer leaves out numbers, which compare_images tells,
    and last the sentence, whose words are those of `parts` and `flaws`."""

    verdict: Verdict
    sentence: str | None = None
    parts: Parts
    flaws: tuple[Flaw, ...] = ()
    direction: DirectionReport
    stops: StopsReport | None = None
    kelvin: KelvinReport | None = None
    collateral: CollateralReport | None = None
    match: MatchReport | None = None

    @staticmethod
    def of(report: Report) -> "ReportView":
        return ReportView(**{name: getattr(report, name) for name in Report.model_fields})


class FieldsView(View):
    """What a model does with the fields of the light, grouped; an approximation says how."""

    honoured: tuple[str, ...] = ()
    approximated: dict[str, str] = {}
    ignored: tuple[str, ...] = ()


class JobView(View):
    """A relighting job: what was asked, where it stands, and what came of it.

    While it goes on it says only where it stands and when to ask again. `lighting` is told where
    it is not what was asked; what a long answer leaves out, `service.fitting` says.
    """

    job_id: str
    name: str | None = None
    """Of the photo, without its extension; the names of its results begin with it."""
    status: Status
    stage: Stage | None = None
    model: str
    progress: float
    eta_s: int | None = None
    """When it should be finished, in seconds from now."""
    created_at: str | None = None
    look: str | None = None
    images: tuple[ImageView, ...] | None = None
    cost: Cost | None = None
    lighting: dict[str, JsonValue] | None = None
    fields: FieldsView | None = None
    report: ReportView | None = None
    sent: tuple[Sent, ...] | None = None
    warnings: tuple[str, ...] | None = None
    seed: int | None = None
    error: ErrorView | None = None
    siblings: tuple[str, ...] | None = None
    based_on: str | None = None
    next_step: str


class JobRow(View):
    """A job as a row of many. `path` is relative to the folder that all have in common. A long row
    leaves out `name`, `path` and `look`, in this order."""

    job_id: str
    status: Status
    name: str | None = None
    model: str
    look: str | None = None
    verdict: Verdict | None = None
    cost_usd: float | None = None
    error_code: str | None = None
    path: str | None = None
    created_at: str


class JobList(View):
    folder: str | None = None
    jobs: tuple[JobRow, ...]
    cursor: str | None = None
    spent_today_usd: float
    budget_left_usd: float
    own_keys_left_usd: dict[str, float] | None = None
    """By provider: of the caller's own keys, those that have a day's budget of their own."""
    next_step: str


class UploadView(View):
    """Where a picture can be sent, once."""

    url: str
    curl: str
    expires_at: str
    next_step: str


class FoundImage(View):
    """A file, its name relative to the folder that all have in common."""

    name: str
    arrived_at: str
    job_id: str | None = None


class FoundImages(View):
    folder: str | None = None
    images: tuple[FoundImage, ...]
    cursor: str | None = None
    allowed_folders: tuple[str, ...] | None = None
    """Where pictures are looked for; told when there are none."""
    next_step: str

    def paths(self) -> list[str]:
        folder = "" if self.folder is None else self.folder.rstrip("/") + "/"
        return [folder + image.name for image in self.images]


class AnalysisView(View):
    image: ImageView
    name: str
    light: LightAnalysis
    next_step: str


class Comparison(View):
    """Before and after of one job, or of two images."""

    before: ImageView
    after: ImageView
    job_id: str | None = None
    report: Report | None = None
    summary: str
