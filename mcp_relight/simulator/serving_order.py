"""The one way every request goes: count, read, note, answer, spoil, send."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp

from mcp_relight.simulator import wire
from mcp_relight.simulator.exchange import Answered, Ask, Dialect, Reply
from mcp_relight.simulator.faults import KINDS, ON_REQUEST, Phase
from mcp_relight.simulator.files import spoil_file
from mcp_relight.simulator.jobs import Job
from mcp_relight.simulator.ledger import Account
from mcp_relight.simulator.spoiled_replies import SpoilContext, picture_as_json, refuse, spoil
from mcp_relight.simulator.state import NoCredits, Simulation, Work

MAX_BODY_BYTES = 40_000_000

Handler = Callable[[Simulation, Ask], Awaitable[Reply]]
Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class _TooLarge(Exception):
    """The body passed the cap."""


def endpoint(sim: Simulation, dialect: Dialect, phase: Phase, handler: Handler) -> Endpoint:
    """What Starlette routes to: `handler`'s reply, or what the fault book makes of it."""
    return partial(_serve, sim, dialect, phase, handler)


async def _serve(
    sim: Simulation, dialect: Dialect, phase: Phase, handler: Handler, request: Request
) -> ASGIApp:
    sim.ledger.count(dialect.provider, phase)
    kind = sim.faults.take(dialect.provider, phase, ON_REQUEST)
    if kind in wire.BEFORE_BODY:
        if kind == "reset_during_body":
            await request.receive()
        _note(sim, request, phase, None, kind)
        return wire.respond(Reply(400, b""), kind, sim.settings.drip_s)
    try:
        ask = await _read(request, dialect.provider)
    except _TooLarge:
        return _sent(sim, dialect.error(413, ""), None)
    except ClientDisconnect:
        return wire.respond(Reply(400, b""), "close_without_reply", sim.settings.drip_s)
    _note(sim, request, phase, ask, kind)
    if sim.settings.reply_delay_s:
        await anyio.sleep(sim.settings.reply_delay_s / sim.settings.speed)
    reply, kind = await _answer(sim, dialect, handler, ask, kind)
    return _sent(sim, reply, kind)


def _sent(sim: Simulation, reply: Reply, kind: str | None) -> ASGIApp:
    on_the_wire = kind if kind and KINDS[kind].family == "connection" else None
    return wire.respond(reply, on_the_wire, sim.settings.drip_s)


async def _answer(
    sim: Simulation, dialect: Dialect, handler: Handler, ask: Ask, kind: str | None
) -> tuple[Reply, str | None]:
    """The reply, and the fault that hits it: scripted for the phase, or else for the outcome."""
    if kind in wire.UNACCEPTED:
        return Reply(200, b""), kind
    family = KINDS[kind].family if kind else None
    if kind and family == "refusal" and not kind.startswith("charged_"):
        return refuse(kind, _context(sim, dialect, ask)), kind
    reply = await _handled(sim, dialect, handler, ask)
    if kind is None and reply.delivers:
        kind = sim.faults.take(dialect.provider, "result", ON_REQUEST)
    return (await _spoiled(sim, dialect, ask, reply, kind) if kind else reply), kind


async def _handled(sim: Simulation, dialect: Dialect, handler: Handler, ask: Ask) -> Reply:
    try:
        throttle(sim, dialect, ask)
        return await handler(sim, ask)
    except Answered as early:
        return early.reply


async def _spoiled(sim: Simulation, dialect: Dialect, ask: Ask, reply: Reply, kind: str) -> Reply:
    family = KINDS[kind].family
    if family == "refusal":
        return refuse(kind, _context(sim, dialect, ask))
    if family == "file":
        return reply if reply.status != 200 else await spoil_file(kind, reply, ask)
    if kind.startswith("v1_json"):
        newest = next(iter(reversed(sim.jobs.values())), None)
        urls = newest.output_urls(ask.origin) if newest else []
        return picture_as_json(kind, reply, urls[0] if urls else "")
    if family == "reply":
        return spoil(kind, reply, _context(sim, dialect, ask, reply))
    return reply


def _context(
    sim: Simulation, dialect: Dialect, ask: Ask, reply: Reply | None = None
) -> SpoilContext:
    mine = reply.content.get(dialect.id_field) if reply and reply.is_json else None
    key = dialect.key_of(ask.headers) or ""
    others = [job.id for job in sim.jobs_of(dialect.provider, key) if job.id != mine]
    return SpoilContext(
        dialect=dialect,
        ask=ask,
        now=sim.now(),
        previous_id=others[0] if others else None,
        other_id=others[0] if others else f"{mine}-another",
    )


async def _read(request: Request, provider: str) -> Ask:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise _TooLarge
        pieces.append(piece)
    return Ask(
        provider=provider,
        method=request.method,
        path={name: str(value) for name, value in request.path_params.items()},
        query=request.query_params,
        headers=request.headers,
        body=b"".join(pieces),
        origin=origin_of(request),
    )


def origin_of(request: Request) -> str:
    host = request.headers.get("host", "127.0.0.1")
    return f"{request.url.scheme}://{host}"


def _note(
    sim: Simulation, request: Request, phase: Phase, ask: Ask | None, kind: str | None
) -> None:
    if request.method != "POST":
        return
    sim.ledger.note_post(
        path=request.url.path,
        phase=phase,
        bytes=len(ask.body) if ask else None,
        sha256=hashlib.sha256(ask.body).hexdigest() if ask else None,
        fault=kind,
        at=sim.now(),
    )


def throttle(sim: Simulation, dialect: Dialect, ask: Ask) -> None:
    """Raises Answered with 429 when the key has used up its minute."""
    key = dialect.key_of(ask.headers)
    until = sim.throttled_until(dialect.provider, key) if key else None
    if until is not None:
        reply = dialect.error(429, "")
        raise Answered(replace(reply, headers=dialect.reset_header(until)))


def paying_account(sim: Simulation, dialect: Dialect, ask: Ask) -> Account:
    """The account of the key that was sent. Raises Answered with the provider's 401."""
    key = dialect.key_of(ask.headers)
    account = sim.ledger.account(dialect.provider, key) if key else None
    if account is None:
        raise Answered(dialect.error(401, "" if key else "missing"))
    return account


async def started(
    sim: Simulation, dialect: Dialect, account: Account, work: Work, origin: str
) -> Job:
    """The accepted job. Raises Answered with the provider's words for an empty account."""
    try:
        return await sim.accept(account, work, origin)
    except NoCredits as short:
        raise Answered(dialect.no_credits(short.need)) from None
