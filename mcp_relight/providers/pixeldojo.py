"""PixelDojo: asynchronous jobs, paid in credits.

Sources, read 2026-11-20: the pages of image-relighting and p-image-edit, llms.txt (paths, error
codes, catalogue). Models beyond those two are driven by the JSON Schema that PixelDojo publishes
for each: it names the picture's field and the spelling of the aspect ratio.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from mcp_relight.domain.exchange import (
    ANOTHER_JOB,
    Accepted,
    Call,
    Follow,
    Outcome,
    Output,
    Rendered,
    Reply,
    Request,
    Working,
)
from mcp_relight.domain.job import Cost, Job
from mcp_relight.domain.models import Listing, ModelSpec
from mcp_relight.errors import JobExpired, ProviderCredits, ProviderProtocol
from mcp_relight.providers.kit.adapter import Adapter, Pace
from mcp_relight.providers.kit.json_schema import plain_schema, properties_of
from mcp_relight.providers.kit.replies import addresses, job_failed, moment, number, state_of, text

from .pixeldojo_catalog import USD_PER_CREDIT, Catalog, built_in, live_rows
from .pixeldojo_models import BODIES, own_specs
from .pixeldojo_schema import USUAL_SCHEMA, body_by_schema, essence_by_schema

_API = "/api/v1"
_JOBS = f"{_API}/jobs"
_SUBMIT_S = 60.0
_CLOCK_SLACK_S = 10.0


class PixelDojo(Adapter):
    name = "pixeldojo"
    title = "PixelDojo"
    origin = "https://pixeldojo.ai"
    key_variable = "PIXELDOJO_API_KEY"
    key_page = "https://pixeldojo.ai/api-platform/api-keys"
    rate_reset_header = "x-ratelimit-reset"
    submit_s = _SUBMIT_S
    pace = Pace(2.0, 15.0, deadline_s=240.0)
    calls_back = True

    def __init__(self, catalog: Catalog | None = None) -> None:
        """Without a live catalogue, the dated built-in copy."""
        self._catalog = catalog or built_in()

    def specs(self) -> Sequence[ModelSpec]:
        own = own_specs(self._catalog)
        known = {spec.id for spec in own}
        return (*own, *(s for s in self._catalog.specs(self.name) if s.id not in known))

    def auth(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}"}

    def submit(self, call: Call) -> Request:
        slug = call.model.partition("/")[2]
        hook: dict[str, JsonValue] = {"webhook_url": call.hook_url} if call.hook_url else {}
        if slug in BODIES:
            return _run(slug, BODIES[slug](call) | hook)
        schema = call.schema or self._catalog.schema(slug) or USUAL_SCHEMA
        return _run(slug, body_by_schema(call, schema) | hook)

    def essence(self, call: Call) -> JsonValue:
        """Without what follows from a schema, which may come to be known between two calls."""
        slug = call.model.partition("/")[2]
        if slug in BODIES:
            return super().essence(call)
        return essence_by_schema(call, self._catalog.schema(slug))

    def schema(self, model: str) -> Request | None:
        slug = model.partition("/")[2]
        if slug in BODIES:
            return None
        return Request(method="GET", path=f"{_API}/models/{slug}/schema")

    def read_schema(self, reply: Reply) -> Mapping[str, JsonValue]:
        body = reply.json_object()
        inner = body.get("schema")
        schema = inner if isinstance(inner, dict) else body
        if not properties_of(schema):
            raise ProviderProtocol("PixelDojo's schema of this model could not be read.")
        return plain_schema(schema)

    def poll(self, ticket: str) -> Request:
        return Request(method="GET", path=f"{_JOBS}/{ticket}")

    def read(self, request: Request, reply: Reply) -> Outcome:
        body = reply.json_object()
        told = body.get("jobId")
        if request.method == "GET" and told not in (None, request.path.removeprefix(f"{_JOBS}/")):
            return ANOTHER_JOB
        state = state_of(body.get("status"))
        if state in {"failed", "error", "cancelled"}:
            raise job_failed(self.title, body.get("error"))
        if state == "expired":
            raise JobExpired("PixelDojo no longer keeps this job's result.", billed="unknown")
        if state == "succeeded":
            return _rendered(body)
        if request.method == "POST":
            return _accepted(body)
        if state is None:
            return Working(unknown_status=str(body.get("status")))
        return Working(progress=0.1 if state == "queued" else 0.5)

    def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
        # The 2025 documents give an empty account as 403, those of 2026 as 402.
        if reply.status == 403 and "credit" in reply.error_words:
            raise ProviderCredits(
                "The PixelDojo account has not enough credits.",
                hint="Top it up at PixelDojo, or use local/classic (free).",
                billed="no",
                status=403,
            )
        return None

    def recent(self, job: Job) -> Request | None:
        return Request(method="GET", path=_JOBS, query={"limit": "10"})

    def read_recent(self, job: Job, reply: Reply) -> str | None:
        """The one job of the same model made while ours was being submitted."""
        body: JsonValue = reply.json()
        rows = body.get("jobs") if isinstance(body, dict) else body
        slug = job.model.partition("/")[2].partition(":")[0]
        sent_at = job.submitted_at or job.created_at
        first, last = sent_at - _CLOCK_SLACK_S, sent_at + _SUBMIT_S + _CLOCK_SLACK_S
        fitting = [
            row
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict)
            and row.get("apiId") == slug
            and first <= (moment(row.get("createdAt")) or 0.0) <= last
        ]
        return text(fitting[0].get("jobId")) if len(fitting) == 1 else None

    def balance(self) -> Request | None:
        """No document names a request for the balance; the list of jobs is free and wants a key."""
        return Request(method="GET", path=_JOBS, query={"limit": "1"})

    def read_balance(self, reply: Reply) -> str:
        return "key accepted"

    def catalog(self) -> Request | None:
        return Request(method="GET", path=f"{_API}/models", query={"detailed": "true"})

    def read_catalog(self, reply: Reply) -> JsonValue:
        return live_rows(reply.json_object())

    def with_catalog(self, rows: JsonValue, as_of: str) -> "PixelDojo":
        return PixelDojo(built_in().updated(rows, as_of))

    @property
    def listing(self) -> Listing:
        return self._catalog.listing


def _run(slug: str, body: dict[str, JsonValue]) -> Request:
    path = f"{_API}/models/{slug.partition(':')[0]}/run"
    return Request(method="POST", path=path, json=body, timeout_s=_SUBMIT_S)


def _accepted(body: Mapping[str, JsonValue]) -> Accepted:
    ticket = text(body.get("jobId"))
    if ticket is None:
        raise ProviderProtocol("PixelDojo's answer has no job id.")
    return Accepted(
        ticket=ticket,
        poll_after_s=PixelDojo.pace.first_s,
        expires_at=moment(body.get("expiresAt")),
        cost=_cost(body, billed=False),
    )


def _rendered(body: Mapping[str, JsonValue]) -> Rendered:
    """`output.images` as documented; the vendor's own tools also read `assets` and `image`."""
    output = body.get("output")
    listed = output.get("images") if isinstance(output, dict) else None
    places = (listed, output, body.get("assets"))
    found = next((urls for place in places if (urls := addresses(place))), ())
    return Rendered(
        outputs=tuple(Output(url=url) for url in found),
        cost=_cost(body, billed=True),
        expires_at=moment(body.get("expiresAt")),
    )


def _cost(body: Mapping[str, JsonValue], *, billed: bool) -> Cost | None:
    credits = number(body.get("creditCost"))
    if credits is None:
        return None
    usd = round(credits * USD_PER_CREDIT, 6)
    return Cost(amount=credits, unit="credits", usd=usd, billed="yes" if billed else "unknown")
