"""Whether a supervisor and a balancer are told the truth."""

import anyio
import pytest
from starlette.applications import Starlette

from mcp_relight.bootstrap import Application
from mcp_relight.config import Settings
from mcp_relight.errors import Internal
from mcp_relight.server.web.guard import Guard
from mcp_relight.server.web.health import Health
from mcp_relight.server.web.names import Names
from mcp_relight.server.web.routes import Addresses, Facts
from tests.server.web.site import HOST, visiting
from tests.world import World

pytestmark = pytest.mark.anyio


async def asked(health: Health, path: str) -> tuple[int, dict[str, object]]:
    addresses = Addresses(health.routes())
    known = Names(frozenset({HOST}), frozenset())
    app = Guard(Starlette(routes=[*addresses.routes]), addresses, names=known, door=None)
    async with visiting(app) as client:
        answer = await client.get(path)
    return answer.status_code, answer.json()


async def test_a_process_is_ready_when_its_database_is(world: World) -> None:
    async with Application(Settings.load(data_dir=world.data)) as application:
        status, facts = await asked(Health(application.examine_store), "/readyz")
    assert status == 200
    assert facts["ready"] is True
    assert isinstance(facts["schema"], int)
    assert len(str(facts["salt"])) == 12


def _refusing() -> Facts:
    async def examine() -> dict[str, object]:
        raise Internal("The job database is older.", hint="Run `mcp-relight migrate`.")

    return examine


def _silent() -> Facts:
    async def examine() -> dict[str, object]:
        await anyio.sleep_forever()
        return {}

    return examine


@pytest.mark.parametrize(("examine", "word"), [(_refusing(), "migrate"), (_silent(), "1 s")])
async def test_what_is_missing_is_said(examine: Facts, word: str) -> None:
    status, facts = await asked(Health(examine), "/readyz")
    assert status == 503
    assert word in str(facts["problem"])
    assert (await asked(Health(examine), "/healthz"))[0] == 200


async def test_who_is_told_to_end_is_not_ready_but_lives() -> None:
    async def examine() -> dict[str, object]:
        return {}

    health = Health(examine)
    assert (await asked(health, "/readyz"))[0] == 200
    health.ends = True
    assert (await asked(health, "/readyz"))[0] == 503
    assert (await asked(health, "/healthz"))[0] == 200
