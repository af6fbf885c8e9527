"""Pixazo: PixelForge relighting (queued) and PixelForge image (answers at once).

Source: pixazo.ai/models/pixelforge, read 2026-11-20. Two status contracts are met in the wild: the
documented `GET /v2/requests/status/{id}`, and an older `POST …/prediction`. A status address in a
reply is not followed: it is rebuilt from the checked id, so the key stays with the configured host.
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
    Picture,
    Rendered,
    Reply,
    Request,
    Working,
)
from mcp_relight.domain.models import ModelSpec, wire_body
from mcp_relight.errors import JobExpired, ProviderCredits, ProviderProtocol, ProviderRefused
from mcp_relight.providers.kit.adapter import Adapter, Pace
from mcp_relight.providers.kit.replies import addresses, job_failed, state_of, text
from mcp_relight.providers.kit.translate import ONLY_THE_LIGHT, compose_prompt, size_of_area

from .pixazo_models import IMAGE, MAX_PROMPT_CHARS, SPECS, ImageParams, RelightingParams

_RELIGHTING = "/pixelforge-relighting-api/v1/relighting"
_IMAGE = "/pixelforge-image/v1/qwen_image_gen/serve_image"
_STATUS = "/v2/requests/status/"
_PREDICTION = "prediction:"
"""Marks the ticket of a job that is asked about in the older way."""
_SUBMIT_S, _SYNC_S = 60.0, 120.0
_SQUARE_HD_PX = 1024 * 1024


class Pixazo(Adapter):
    name = "pixazo"
    title = "Pixazo"
    origin = "https://gateway.pixazo.ai"
    key_variable = "PIXAZO_API_KEY"
    key_page = "https://api.pixazo.ai"
    per_minute = 60
    pace = Pace(5.0, 10.0, deadline_s=300.0)
    calls_back = True

    def specs(self) -> Sequence[ModelSpec]:
        return SPECS

    def auth(self, key: str) -> Mapping[str, str]:
        return {"Ocp-Apim-Subscription-Key": key, "Cache-Control": "no-cache"}

    def submit(self, call: Call) -> Request:
        urls: list[JsonValue] = [picture.reference for picture in _pictures(call)]
        body: dict[str, JsonValue]
        if call.model == IMAGE:
            prompt = compose_prompt(call.lighting, instruction=ONLY_THE_LIGHT)
            body = {**wire_body(ImageParams, call.params), "prompt": prompt, "image_urls": urls}
            return Request(method="POST", path=_IMAGE, json=body, timeout_s=_SYNC_S)
        body = {
            **wire_body(RelightingParams, call.params),
            "prompt": compose_prompt(call.lighting, MAX_PROMPT_CHARS, instruction=ONLY_THE_LIGHT),
            "image_urls": urls,
            "image_size": call.params.get("image_size") or _size(call),
            "num_images": call.count,
        }
        path = f"{_RELIGHTING}/generate"
        hook = call.hook_url
        headers = {"X-Webhook-URL": hook, "X-Webhook-Mode": "terminal"} if hook else {}
        return Request(method="POST", path=path, json=body, headers=headers, timeout_s=_SUBMIT_S)

    def poll(self, ticket: str) -> Request:
        if ticket.startswith(_PREDICTION):
            body: JsonValue = {"prediction_id": ticket.removeprefix(_PREDICTION)}
            return Request(method="POST", path=f"{_RELIGHTING}/prediction", json=body)
        return Request(method="GET", path=_STATUS + ticket)

    def read(self, request: Request, reply: Reply) -> Outcome:
        body = reply.json_object()
        if request.path == _IMAGE:
            return _rendered(body)
        told = body.get("request_id") or body.get("id")
        is_submit = request.path.endswith("/generate")
        if not is_submit and told not in (None, _asked_about(request)):
            return ANOTHER_JOB
        state = state_of(body.get("status"))
        if state == "error":
            # "System error — not charged" in the table of status values.
            raise job_failed(self.title, body.get("error"), billed="no")
        if state in {"failed", "cancelled"}:
            raise job_failed(self.title, body.get("error"), billed="unknown")
        if state == "expired":
            raise JobExpired("Pixazo no longer keeps this job's result.", billed="unknown")
        if is_submit:
            return _rendered(body) if state == "succeeded" else _accepted(body)
        if state == "succeeded":
            return _rendered(body)
        if state is None:
            return Working(unknown_status=str(body.get("status")))
        return Working(progress=0.1 if state == "queued" else 0.5)

    def read_refusal(self, request: Request, reply: Reply) -> Follow | None:
        words = reply.error_words
        if reply.status == 400 and "model not found" in words:
            raise ProviderRefused(
                "Pixazo does not offer this model, or has switched it off.",
                hint="Choose another model; list_models shows them.",
                billed="no",
                status=400,
            )
        if reply.status == 403 and "balance" in words:
            raise ProviderCredits(
                "The Pixazo wallet has not enough balance.",
                hint="Top it up at Pixazo, or use local/classic (free).",
                billed="no",
                status=403,
            )
        return None


def _pictures(call: Call) -> list[Picture]:
    extra = [call.extra_images[name] for name in sorted(call.extra_images)]
    return [call.images[0], *extra]


def _size(call: Call) -> dict[str, JsonValue]:
    """The default would make every photo square."""
    picture = call.images[0]
    width_px, height_px = size_of_area(
        picture.width, picture.height, area_px=_SQUARE_HD_PX, step_px=16, low_px=512, high_px=2048
    )
    return {"width": width_px, "height": height_px}


def _accepted(body: Mapping[str, JsonValue]) -> Accepted:
    ticket = text(body.get("request_id"))
    if ticket is None:
        older = text(body.get("prediction_id")) or text(body.get("id"))
        if older is None:
            raise ProviderProtocol("Pixazo's answer has no request id.")
        ticket = _PREDICTION + older
    return Accepted(ticket=ticket, poll_after_s=Pixazo.pace.first_s)


def _asked_about(request: Request) -> JsonValue:
    if isinstance(request.json, dict):
        return request.json.get("prediction_id")
    return request.path.removeprefix(_STATUS)


def _rendered(body: Mapping[str, JsonValue]) -> Rendered:
    """`output.media_url` as documented; its sibling models also answer in other places."""
    output = body.get("output")
    media = output.get("media_url") if isinstance(output, dict) else None
    places = (media, output, body.get("url"), body.get("images"), body.get("imageUrl"))
    found = next((urls for place in places if (urls := addresses(place))), ())
    return Rendered(outputs=tuple(Output(url=url) for url in found))
