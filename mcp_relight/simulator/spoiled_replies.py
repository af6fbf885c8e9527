"""Refusals in place of a reply, and twists of a reply, one entry per kind."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from mcp_relight.simulator.exchange import Ask, Dialect, Json, Reply
from mcp_relight.simulator.jobs import UNKNOWN_WORD
from mcp_relight.simulator.pictures import WORDS_IN_METADATA

SUBMIT_HTML = b"<!DOCTYPE html><html><head><title>%d</title></head><body>nginx</body></html>"
HUGE_TEXT_CHARS = 12_000_000


@dataclass(frozen=True)
class SpoilContext:
    """What a twist may need besides the reply."""

    dialect: Dialect
    ask: Ask
    now: float
    previous_id: str | None = None
    other_id: str = ""


def refuse(kind: str, context: SpoilContext, need: float = 1.0) -> Reply:
    """The answer of a `refusal` kind."""
    dialect = context.dialect
    if kind in _REFUSALS:
        return _REFUSALS[kind](context)
    if kind == "no_credits":
        return dialect.no_credits(need)
    if kind.startswith("charged_"):
        return dialect.error(int(kind.removeprefix("charged_")), "")
    _, status, *form = kind.split("_", 2)
    if kind.startswith("html_"):
        return Reply(int(status), SUBMIT_HTML % int(status), media_type="text/html")
    reply = dialect.error(int(status), "")
    if not form:
        return reply
    value = _retry_after(form[0].removeprefix("retry_after_"), context.now)
    return replace(reply, headers={**reply.headers, "retry-after": value})


def _retry_after(form: str, now: float) -> str:
    soon, long_ago = datetime.fromtimestamp(now + 2, UTC), datetime.fromtimestamp(now - 3600, UTC)
    return {
        "seconds": "1",
        "date": format_datetime(soon, usegmt=True),
        "past": format_datetime(long_ago, usegmt=True),
        "negative": "-5",
        "huge": "99999999999",
        "garbage": "soon, maybe",
    }[form]


def _elsewhere(status: int, context: SpoilContext) -> Reply:
    return Reply(status, b"", headers={"location": _foreign(context.ask, "redirected")})


def _foreign(ask: Ask, path: str) -> str:
    """A host that is not the configured one, though it leads to this process's canary."""
    port = ask.origin.rsplit(":", 1)[-1]
    return f"http://localhost:{port}/canary/{path}"


def _key_echo(status: int, context: SpoilContext) -> Reply:
    key = context.dialect.key_of(context.ask.headers) or ""
    reply = context.dialect.error(status, f"The key {key} could not be used")
    return reply if status == 401 else replace(reply, headers={"x-debug-key": key})


def _throttled(context: SpoilContext) -> Reply:
    reply = context.dialect.error(429, "")
    return replace(reply, headers=context.dialect.reset_header(context.now + 2))


_REFUSALS: dict[str, Callable[[SpoilContext], Reply]] = {
    "status_429_reset_header": _throttled,
    "no_credits_403": lambda context: context.dialect.error(403, "Insufficient credits"),
    "spend_limit": lambda context: context.dialect.error(
        406, "Spend limit reached for this workspace. Raise the limit to continue"
    ),
    "content_type_refused": lambda context: context.dialect.error(
        406, "Content-Type must be application/json"
    ),
    "key_echo_401": lambda context: _key_echo(401, context),
    "key_echo_500": lambda context: _key_echo(500, context),
    "hostile_error_text": lambda context: context.dialect.error(400, WORDS_IN_METADATA),
    "error_string": lambda _context: Reply(400, {"error": "Bad request"}),
    "error_object": lambda _context: Reply(
        400, {"error": {"code": "validation_error", "message": "Bad request"}}
    ),
    "error_null": lambda _context: Reply(400, {"error": None}),
    "error_empty": lambda _context: Reply(400, b""),
    "redirect_302_elsewhere": lambda context: _elsewhere(302, context),
    "redirect_307_elsewhere": lambda context: _elsewhere(307, context),
}


def spoil(kind: str, reply: Reply, context: SpoilContext) -> Reply:
    """The reply after a `reply` kind; errors the provider itself gave stay as they are."""
    if reply.status >= 400:
        return reply
    if kind in _BODIES:
        return replace(reply, **_BODIES[kind](reply))
    if not reply.is_json:
        return reply
    return replace(reply, content=_FIELDS[kind](reply.content, context))


def _cut(reply: Reply) -> Json:
    payload = reply.payload()
    return {"content": payload[: max(1, len(payload) * 2 // 3)]}


def _with_nan(reply: Reply) -> Json:
    extra = {"creditCost": float("nan"), "metrics": float("inf")}
    return {"content": {**reply.content, **extra} if reply.is_json else extra}


# Kinds that replace the body (or what it is called): the parts of the reply that change.
_BODIES: dict[str, Callable[[Reply], Json]] = {
    "truncated_json": _cut,
    "html_instead": lambda reply: {
        "content": SUBMIT_HTML % reply.status,
        "media_type": "text/html",
    },
    "empty_body": lambda _reply: {"content": b""},
    "json_null": lambda _reply: {"content": b"null"},
    "json_list": lambda _reply: {"content": b"[]"},
    "json_number": lambda _reply: {"content": b"42"},
    "invalid_utf8": lambda _reply: {"content": b'{"status": "\xff\xfe\xc0"}'},
    "nan_json": _with_nan,
    "deep_json": lambda _reply: {"content": b"[" * 20_000 + b"]" * 20_000},
    "odd_content_type": lambda _reply: {"media_type": "text/plain"},
}


def _with_id(value: object) -> Callable[[Json, SpoilContext], Json]:
    def change(body: Json, context: SpoilContext) -> Json:
        return {**body, context.dialect.id_field: value}

    return change


def _without(body: Json, name: str) -> Json:
    return {key: value for key, value in body.items() if key != name}


def _other_type(value: Any) -> Any:
    if isinstance(value, dict):
        return "an object, once"
    if isinstance(value, list):
        return {"0": "a list, once"}
    return [value] if isinstance(value, str) else "seven"


def _with_urls(body: Json, context: SpoilContext, url: str) -> Json:
    return {**body, **dict.fromkeys(context.dialect.url_fields, url)}


def _prediction(body: Json, context: SpoilContext) -> Json:
    if "request_id" not in body or "polling_url" not in body:
        return body
    return {"prediction_id": body["request_id"], "status": "starting"}


def _previous_id(body: Json, context: SpoilContext) -> Json:
    return {**body, context.dialect.id_field: context.previous_id or body[context.dialect.id_field]}


_FIELDS: dict[str, Callable[[Json, SpoilContext], Json]] = {
    "wrong_types": lambda body, _context: {key: _other_type(item) for key, item in body.items()},
    "huge_json": lambda body, _context: {**body, "trace": "x" * HUGE_TEXT_CHARS},
    "unknown_fields": lambda body, _context: {**body, "region": "eu-1", "beta": {"tier": [1, 2]}},
    "status_missing": lambda body, _context: _without(body, "status"),
    "id_missing": lambda body, context: _without(body, context.dialect.id_field),
    "id_wrong_type": _with_id(12345),
    "id_empty": _with_id(""),
    "id_dotdot": _with_id("job_1/../../models"),
    "id_newline": _with_id("job_1\r\nx-injected: yes"),
    "id_huge": _with_id("j" * 100_000),
    "id_duplicate": _previous_id,
    "id_of_another": lambda body, context: {**body, context.dialect.id_field: context.other_id},
    "foreign_status_url": lambda body, context: _with_urls(
        body, context, _foreign(context.ask, "status")
    ),
    "status_url_metadata": lambda body, context: _with_urls(
        body, context, "http://169.254.169.254/latest/meta-data/"
    ),
    "expires_at_missing": lambda body, _context: _without(body, "expiresAt"),
    "prediction_style": _prediction,
    "unknown_status_once": lambda body, _context: {**body, "status": UNKNOWN_WORD},
    "upload_file_urls": lambda body, _context: {"file_urls": body.get("urls", [])},
    "upload_no_urls": lambda _body, _context: {"urls": []},
    "upload_foreign_url": lambda _body, _context: {"urls": ["http://169.254.169.254/asset.png"]},
}


def picture_as_json(kind: str, reply: Reply, url: str) -> Reply:
    """Segmind v1's two JSON forms of a reply that is raw picture bytes."""
    if reply.is_json or reply.status != 200:
        return reply
    body = {
        "v1_json_url": {"output": url},
        "v1_json_base64": {"image": base64.b64encode(reply.payload()).decode()},
    }[kind]
    return replace(reply, content=body, media_type="application/json")
