"""The provider's own answer, spoiled after it was made: the kinds of the family `reply`."""

import base64
import json
import math
from collections.abc import Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from mcp_relight.simulator.api import Api, Json
from mcp_relight.simulator.jobs import UNKNOWN_WORD
from mcp_relight.simulator.refusals import PAGE, foreign

HUGE_TEXT_CHARS = 12_000_000
METADATA = "http://169.254.169.254"


def spoil(kind: str, response: Response, api: Api, request: Request) -> Response:
    """The response after a `reply` kind; errors the provider itself gave stay as they are."""
    if response.status_code >= 400:
        return response
    if kind == "odd_content_type":
        return with_body(response, _bytes(response), "text/plain")
    if kind == "html_instead":
        return with_body(response, PAGE.format(response.status_code).encode(), "text/html")
    if kind in _BODIES:
        return with_body(response, _BODIES[kind](_bytes(response)))
    body = _object(response)
    if body is None:
        return response
    return with_body(response, json.dumps(_spoiled(kind, body, api, request)).encode())


def picture_as_json(kind: str, response: Response, api: Api, request: Request) -> Response:
    """Segmind v1's two JSON forms of an answer that is raw picture bytes."""
    if _object(response) is not None or response.status_code != 200:
        return response
    if kind == "v1_json_base64":
        body = {"image": base64.b64encode(_bytes(response)).decode()}
    else:
        newest = next(iter(reversed(api.sim.jobs.values())), None)
        urls = newest.output_urls(api.origin(request)) if newest else []
        body = {"output": urls[0] if urls else ""}
    return with_body(response, json.dumps(body).encode(), "application/json")


def with_body(response: Response, body: bytes, media_type: str | None = None) -> Response:
    """The same response around other bytes, called `media_type` where one is given."""
    headers = dict(response.headers)
    headers.pop("content-length", None)
    called = headers.pop("content-type", None)
    return Response(body, response.status_code, headers, media_type or called)


def _bytes(response: Response) -> bytes:
    return bytes(response.body)


def _object(response: Response) -> Json | None:
    """The body where it is a JSON object."""
    if response.headers.get("content-type") != "application/json":
        return None
    body = json.loads(_bytes(response))
    return cast("Json", body) if isinstance(body, dict) else None


_BODIES: dict[str, Callable[[bytes], bytes]] = {
    "truncated_json": lambda body: body[: max(1, len(body) * 2 // 3)],
    "empty_body": lambda _: b"",
    "json_null": lambda _: b"null",
    "json_list": lambda _: b"[]",
    "json_number": lambda _: b"42",
    "invalid_utf8": lambda _: b'{"status": "\xff\xfe\xc0"}',
    "deep_json": lambda _: b"[" * 20_000 + b"]" * 20_000,
}


def _other_type(value: Any) -> Any:
    if isinstance(value, dict):
        return "an object, once"
    if isinstance(value, list):
        return {"0": "a list, once"}
    return [value] if isinstance(value, str) else "seven"


def _without(name: str) -> Callable[[Json], Json]:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _prediction(body: Json) -> Json:
    if "request_id" not in body or "polling_url" not in body:
        return body
    return {"prediction_id": body["request_id"], "status": "starting"}


_FIELDS: dict[str, Callable[[Json], Json]] = {
    "wrong_types": lambda body: {key: _other_type(item) for key, item in body.items()},
    "nan_json": lambda body: {**body, "creditCost": math.nan, "metrics": math.inf},
    "huge_json": lambda body: {**body, "trace": "x" * HUGE_TEXT_CHARS},
    "unknown_fields": lambda body: {**body, "region": "eu-1", "beta": {"tier": [1, 2]}},
    "status_missing": _without("status"),
    "expires_at_missing": _without("expiresAt"),
    "prediction_style": _prediction,
    "unknown_status_once": lambda body: {**body, "status": UNKNOWN_WORD},
    "upload_file_urls": lambda body: {"file_urls": body.get("urls", [])},
    "upload_no_urls": lambda _: {"urls": []},
    "upload_foreign_url": lambda _: {"urls": [f"{METADATA}/asset.png"]},
}
_IDS: dict[str, object] = {
    "id_wrong_type": 12345,
    "id_empty": "",
    "id_dotdot": "job_1/../../models",
    "id_newline": "job_1\r\nx-injected: yes",
    "id_huge": "j" * 100_000,
}


def _id_of_another(body: Json, api: Api, request: Request) -> str | None:
    """The id of the account's newest other job."""
    jobs = api.sim.jobs_of(api.name, api.key_of(request.headers) or "")
    return next((job.id for job in jobs if job.id != body.get(api.id_field)), None)


def _spoiled(kind: str, body: Json, api: Api, request: Request) -> Json:
    mine = body.get(api.id_field)
    match kind:
        case "id_missing":
            return _without(api.id_field)(body)
        case "id_duplicate":
            return {**body, api.id_field: _id_of_another(body, api, request) or mine}
        case "id_of_another":
            other = _id_of_another(body, api, request) or f"{mine}-another"
            return {**body, api.id_field: other}
        case "foreign_status_url":
            return {**body, **dict.fromkeys(api.url_fields, foreign(request, "status"))}
        case "status_url_metadata":
            return {**body, **dict.fromkeys(api.url_fields, f"{METADATA}/latest/meta-data/")}
        case _ if kind in _IDS:
            return {**body, api.id_field: _IDS[kind]}
        case _:
            return _FIELDS[kind](body)
