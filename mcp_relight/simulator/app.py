"""The Starlette application: three providers, the files they serve, the canary and the controls.

/pixeldojo/…   stands for https://pixeldojo.ai
/pixazo/…      stands for https://gateway.pixazo.ai
/segmind/…     stands for https://api.segmind.com and https://workflows-api.segmind.com
/files/…       stands for the providers' public file stores; takes no key
/canary/…      where hostile addresses lead: everything that arrives is recorded
/_sim/…        controls
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from mcp_relight.simulator import control, pixazo, pixeldojo, segmind
from mcp_relight.simulator.exchange import Ask, Dialect, Reply
from mcp_relight.simulator.files import GONE
from mcp_relight.simulator.serving_order import endpoint
from mcp_relight.simulator.state import TEST_ACCOUNTS, Simulation


def create_app(state: Simulation) -> Starlette:
    """The whole simulator over one world. Stateless itself: two apps may share a `state`."""
    return Starlette(
        routes=[
            Mount("/pixeldojo", routes=pixeldojo.routes(state)),
            Mount("/pixazo", routes=pixazo.routes(state)),
            Mount("/segmind", routes=segmind.routes(state)),
            Mount("/files", routes=[_file_route(state, name) for name, *_ in TEST_ACCOUNTS]),
            Mount("/_sim", routes=control.routes(state)),
            Route("/canary/{path:path}", _canary(state), methods=["GET", "POST", "PUT", "HEAD"]),
        ]
    )


def _no_key(_headers: Mapping[str, str]) -> str | None:
    return None


def _file_route(sim: Simulation, provider: str) -> Route:
    """A provider's file store. It speaks plain HTTP and knows no accounts."""
    dialect = Dialect(
        provider=provider,
        id_field="",
        url_fields=(),
        error=_file_error,
        no_credits=lambda _need: _file_error(402, ""),
        key_of=_no_key,
        reset_header=lambda _moment: {},
    )
    handler = endpoint(sim, dialect, "download", _serve_file)
    return Route(f"/{provider}/{{rest:path}}", handler, methods=["GET"])


def _file_error(status: int, text: str) -> Reply:
    return Reply(status, (text or f"Error {status}").encode(), media_type="text/plain")


async def _serve_file(sim: Simulation, ask: Ask) -> Reply:
    file = sim.files.find(f"{ask.provider}/{ask.path['rest']}", sim.now())
    if file is None:
        return GONE
    return Reply(200, await sim.files.read(file), media_type=file.media_type)


def _canary(sim: Simulation) -> Callable[[Request], Awaitable[Response]]:
    async def record(request: Request) -> Response:
        body = await request.body()
        said = b"\n".join(
            [*(value for _, value in request.headers.raw), body, request.url.query.encode()]
        )
        keys = [account["key"] for account in sim.ledger.summary()["accounts"]]
        sim.ledger.note_canary(
            method=request.method,
            path=request.url.path,
            host=request.headers.get("host"),
            key_seen=any(key.encode() in said for key in keys),
            bytes=len(body),
        )
        return Response(b"canary", media_type="text/plain")

    return record
