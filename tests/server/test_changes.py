"""Change notifications, in both eras, from a job store that other processes write too."""

from typing import Any

import anyio
import pytest
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.types import ResourceUpdatedNotification

from tests.flows.rig import ended, start
from tests.server.conftest import Connect
from tests.world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def photo(world: World) -> str:
    return str(world.photo("mug.jpg", width=96, height=64))


class Heard:
    """What a client of the older era was sent without asking."""

    def __init__(self) -> None:
        self.uris: list[str] = []
        self.more = anyio.Event()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.uris.append(str(message.params.uri))
            self.more.set()


async def test_a_listener_hears_of_its_job_until_it_is_done_and_of_the_picture(
    connect: Connect, photo: str
) -> None:
    async with connect() as watcher, connect() as worker:
        job = await start(worker, image=photo, look="loop")
        uri = f"relight://jobs/{job['job_id']}"
        heard: set[str] = set()
        with anyio.fail_after(60):
            async with watcher.listen(
                resource_subscriptions=[uri], resources_list_changed=True
            ) as events:
                async for event in events:
                    heard.add(type(event).__name__)
                    if isinstance(event, ResourceUpdated):
                        assert event.uri == uri
                    if isinstance(event, ResourcesListChanged):
                        break
        assert heard == {"ResourceUpdated", "ResourcesListChanged"}
        assert (await ended(worker, job["job_id"]))["status"] == "succeeded"


async def test_a_change_between_looking_and_listening_is_still_heard(
    connect: Connect, photo: str
) -> None:
    async with connect() as client:
        job = await start(client, image=photo, look="loop", wait_s=45)
        uri = f"relight://jobs/{job['job_id']}"
        with anyio.fail_after(30):
            async with client.listen(resource_subscriptions=[uri]) as events:
                assert await anext(aiter(events)) == ResourceUpdated(uri=uri)


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")  # the era is meant
async def test_the_older_era_subscribes_and_unsubscribes(connect: Connect, photo: str) -> None:
    heard = Heard()
    async with connect("legacy", message_handler=heard) as client, connect() as worker:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe is True
        job = await start(worker, image=photo, look="loop", wait_s=45)
        uri = f"relight://jobs/{job['job_id']}"
        await client.session.subscribe_resource(uri)
        with anyio.fail_after(30):
            await heard.more.wait()
        await client.session.unsubscribe_resource(uri)
        again = await start(worker, image=photo, look="split", wait_s=45)
        other = f"relight://jobs/{again['job_id']}"
        heard.more = anyio.Event()
        await client.session.subscribe_resource(other)
        with anyio.fail_after(30):
            await heard.more.wait()
    assert heard.uris == [uri, other]


async def test_nothing_follows_the_store_when_nobody_listens(
    connect: Connect, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp_relight.service import service as module

    open_now = 0
    follow = module.follow

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal open_now
        open_now += 1
        try:
            async for change in follow(*args, **options):
                yield change
        finally:
            open_now -= 1

    monkeypatch.setattr(module, "follow", counted)
    async with connect() as client:
        job = await start(client, image=photo, look="loop", wait_s=45)
        uri = f"relight://jobs/{job['job_id']}"
        for _ in range(2):
            async with client.listen(resource_subscriptions=[uri]) as events:
                with anyio.fail_after(30):
                    await anext(aiter(events))
                assert open_now == 1
            with anyio.fail_after(30):
                while open_now:
                    await anyio.lowlevel.checkpoint()
