"""Answers in place of the provider's: the kinds of the family `refusal`."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mcp_relight.simulator.api import Api
from mcp_relight.simulator.pictures import WORDS_IN_METADATA

PAGE = "<!DOCTYPE html><html><head><title>{}</title></head><body>nginx</body></html>"


def refuse(kind: str, api: Api, request: Request) -> Response:
    """The answer of a `refusal` kind."""
    if kind in _NAMED:
        return _NAMED[kind](api, request)
    form, status, *rest = kind.split("_", 2)
    if form == "html":
        return HTMLResponse(PAGE.format(status), int(status))
    response = api.error(int(status))
    if rest:
        value = _retry_after(rest[0].removeprefix("retry_after_"), api.sim.now())
        response.headers["retry-after"] = value
    return response


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


def foreign(request: Request, path: str) -> str:
    """A host that is not the configured one, though it leads to this process's canary."""
    return f"http://localhost:{request.url.port}/canary/{path}"


def _elsewhere(status: int, request: Request) -> Response:
    return Response(status_code=status, headers={"location": foreign(request, "redirected")})


def _key_echo(status: int, api: Api, request: Request) -> Response:
    key = api.key_of(request.headers) or ""
    response = api.error(status, f"The key {key} could not be used")
    if status != 401:
        response.headers["x-debug-key"] = key
    return response


def _bad_request(error: object) -> Response:
    return JSONResponse({"error": error}, 400)


_NAMED: dict[str, Callable[[Api, Request], Response]] = {
    "status_429_reset_header": lambda api, _: api.throttled(api.sim.now() + 2),
    "no_credits": lambda api, _: api.no_credits(1),
    "no_credits_403": lambda api, _: api.error(403, "Insufficient credits"),
    "spend_limit": lambda api, _: api.error(
        406, "Spend limit reached for this workspace. Raise the limit to continue"
    ),
    "content_type_refused": lambda api, _: api.error(406, "Content-Type must be application/json"),
    "key_echo_401": lambda api, request: _key_echo(401, api, request),
    "key_echo_500": lambda api, request: _key_echo(500, api, request),
    "hostile_error_text": lambda api, _: api.error(400, WORDS_IN_METADATA),
    "error_string": lambda _api, _: _bad_request("Bad request"),
    "error_object": lambda _api, _: _bad_request(
        {"code": "validation_error", "message": "Bad request"}
    ),
    "error_null": lambda _api, _: _bad_request(None),
    "error_empty": lambda _api, _: Response(b"", 400, media_type="application/json"),
    "redirect_302_elsewhere": lambda _api, request: _elsewhere(302, request),
    "redirect_307_elsewhere": lambda _api, request: _elsewhere(307, request),
}
