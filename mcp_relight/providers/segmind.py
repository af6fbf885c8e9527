"""Segmind: IC-Light and three more relighting models.

Sources: the model pages (segmind.com/models/<model>/api), the pages on asynchronous inference and
storage (docs.segmind.com), read 2026-11-20 from stored copies. v2 submits and polls; v1, in
maintenance, answers with the picture itself and is the fallback.
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
    data_uri,
)
from mcp_relight.domain.job import Cost
from mcp_relight.domain.models import ModelSpec, wire_body
from mcp_relight.errors import ProviderCredits, ProviderProtocol
from mcp_relight.providers.kit.adapter import Adapter, Pace
from mcp_relight.providers.kit.replies import (
    addresses,
    inline_picture,
    is_picture,
    job_failed,
    number,
    state_of,
    text,
    whole,
)

from .segmind_models import ROWS, SPECS

_SUBMIT_S, _SYNC_S = 60.0, 120.0
_REQUESTS = "/v2/requests/"
_DONE = "done:"
"""Marks the ticket of a job that is finished and whose result is to be fetched, once."""


class Segmind(Adapter):
    name = "segmind"
    title = "Segmind"
    origin = "https://api.segmind.com"
    key_variable = "SEGMIND_API_KEY"
    key_page = "https://cloud.segmind.com/console/api-keys"
    sibling_hosts = frozenset({"workflows-api.segmind.com"})
    rate_reset_header = "x-rate-limit-reset-at-utc"
    per_minute = 60
    pace = Pace(2.0, 8.0, deadline_s=180.0)

    def specs(self) -> Sequence[ModelSpec]:
        return SPECS

    def auth(self, key: str) -> Mapping[str, str]:
        return {"x-api-key": key}

    def submit(self, call: Call) -> Request:
        slug = call.model.partition("/")[2]
        row = ROWS[slug]
        body = wire_body(row.params, call.params) | row.derived(call)
        body[row.image_field] = call.images[0].reference
        return Request(method="POST", path=f"/v2/{slug}", json=body, timeout_s=_SUBMIT_S)

    def poll(self, ticket: str) -> Request:
        if ticket.startswith(_DONE):
            return Request(method="GET", path=_REQUESTS + ticket.removeprefix(_DONE))
        return Request(method="GET", path=f"{_REQUESTS}{ticket}/status")

    def read(self, request: Request, reply: Reply) -> Outcome:
        if request.method == "POST" and request.path.startswith("/v1/"):
            return _read_v1(reply)
        body = reply.json_object()
        ticket = request.path.removeprefix(_REQUESTS).removesuffix("/status")
        if request.method == "GET" and body.get("request_id") not in (None, ticket):
            return ANOTHER_JOB
        state = state_of(body.get("status"))
        if state in {"failed", "error", "cancelled"}:
            raise job_failed(self.title, body.get("error"), billed="no")
        if request.method == "POST":
            return _read_submit(body)
        if state == "succeeded":
            if request.path.endswith("/status"):
                return Accepted(ticket=_DONE + ticket, poll_after_s=0.0)
            return _rendered(body)
        if state is None:
            found = _rendered(body)  # the result itself, whose documents show no status in it
            is_result = found.outputs and not request.path.endswith("/status")
            return found if is_result else Working(unknown_status=str(body.get("status")))
        return Working(progress=0.1 if state == "queued" else 0.5)

    def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
        is_v2_submit = request.method == "POST" and request.path.startswith("/v2/")
        if is_v2_submit and reply.status in {404, 405, 410}:
            v1 = request.path.replace("/v2/", "/v1/", 1)
            return Follow(
                request=Request(method="POST", path=v1, json=request.json, timeout_s=_SYNC_S)
            )
        words = reply.error_words
        if reply.status == 406 and ("credit" in words or "limit" in words):
            raise ProviderCredits(
                "The Segmind account has no credits left, or its spend limit is reached.",
                hint="Top the account up or raise the limit, or use local/classic (free).",
                billed="no",
                status=406,
            )
        if reply.status == 422 and '"failed"' in words:
            raise job_failed(self.title, words, billed="no")
        return None

    def upload(self, data: bytes, mime_type: str) -> Request | None:
        return Request(
            method="POST",
            path="/upload-asset",
            json={"data_urls": [data_uri(data, mime_type)]},
            host="workflows-api.segmind.com",
            timeout_s=_SUBMIT_S,
        )

    def read_upload(self, reply: Reply) -> str:
        """The documents say `urls`, the vendor's SDK reads `file_urls`."""
        body = reply.json_object()
        found = addresses(body.get("urls")) or addresses(body.get("file_urls"))
        if not found:
            raise ProviderProtocol("Segmind took the upload but gave no address for it.")
        return found[0]

    def balance(self) -> Request | None:
        return Request(method="GET", path="/v1/get-user-credits")

    def read_balance(self, reply: Reply) -> str:
        credits = number(reply.json_object().get("credits"))
        return "key accepted" if credits is None else f"key accepted, {credits:g} credits left"


def _read_submit(body: Mapping[str, JsonValue]) -> Outcome:
    if state_of(body.get("status")) == "succeeded":
        return _rendered(body)
    ticket = text(body.get("request_id"))
    if ticket is None:
        raise ProviderProtocol("Segmind's answer has no request id.")
    return Accepted(ticket=ticket, poll_after_s=Segmind.pace.first_s)


def _rendered(body: Mapping[str, JsonValue]) -> Rendered:
    """`images` lists them all; `output` is the first one, or all there is."""
    found = addresses(_urls_of(body.get("images"))) or addresses(body.get("output"))
    metrics = body.get("metrics")
    cost = metrics.get("cost") if isinstance(metrics, dict) else None
    return Rendered(
        outputs=tuple(Output(url=url) for url in found),
        seed=whole(body.get("seed")),
        cost=_cost(cost),
    )


def _urls_of(images: JsonValue) -> JsonValue:
    rows = images if isinstance(images, list) else []
    return [row.get("url") if isinstance(row, dict) else row for row in rows]


def _cost(value: object) -> Cost | None:
    usd = number(value)
    return None if usd is None else Cost(amount=usd, unit="USD", usd=usd, billed="yes")


def _read_v1(reply: Reply) -> Rendered:
    """v1 answers with picture bytes; other models with JSON that holds an address or base64."""
    headers = reply.headers
    if is_picture(reply.body):
        outputs: tuple[Output, ...] = (Output(data=reply.body),)
    else:
        outputs = _outputs_in(reply.json_object())
    return Rendered(
        outputs=outputs,
        seed=whole(headers.get("x-seed-value")),
        cost=_cost(headers.get("x-cost") or headers.get("x-credits-consumed")),
    )


def _outputs_in(body: Mapping[str, JsonValue]) -> tuple[Output, ...]:
    values = [body.get(name) for name in ("images", "output", "image", "image_url", "url")]
    if found := addresses(values):
        return tuple(Output(url=url) for url in found)
    listed = [item for value in values for item in (value if isinstance(value, list) else [value])]
    pictures = [data for item in listed if (data := inline_picture(item))]
    return tuple(Output(data=data) for data in pictures)
