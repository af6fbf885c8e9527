"""The rate gate, counted by the provider: everything that asks its API for anything passes it."""

import time
from pathlib import Path

import pytest

from mcp_relight.simulator.control import SimulatorHandle
from tests.world import World

from .rig import ended, served, settings_of, start, upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("brisk")]

PER_MINUTE = 240.0
BURST = 10


def asked(simulator: SimulatorHandle, provider: str) -> int:
    """How many requests of any kind came to a provider's API, which its files are no part of."""
    by_phase = simulator.ledger()["requests"].get(provider, {})
    return sum(count for phase, count in by_phase.items() if phase != "download")


@pytest.mark.parametrize(
    ("model", "is_file"),
    [("segmind/ic-light", True), ("pixeldojo/qwen-image-2-edit", False)],
)
async def test_uploads_schemas_lists_polls_and_their_repeats_keep_to_the_rate(
    world: World, simulator: SimulatorHandle, model: str, is_file: bool
) -> None:
    provider = model.partition("/")[0]
    photo: Path = world.photo("mug.png", width=96, height=64)
    image = str(photo) if is_file else upload(simulator, photo)
    before = asked(simulator, provider)
    simulator.fault(provider, "poll", "status_503", times=8)
    settings = settings_of(
        world, simulator, {f"MCP_RELIGHT_{provider.upper()}_RPM": str(PER_MINUTE)}
    )
    async with served(settings) as client:
        started = time.monotonic()
        jobs = [
            await start(
                client,
                image=image,
                model=model,
                light_from="left",
                finish="as-returned",
                idempotency_key=f"job {index}",
            )
            for index in range(6)
        ]
        finished = [await ended(client, job["job_id"]) for job in jobs]
        count, elapsed_s = asked(simulator, provider) - before, time.monotonic() - started
    assert [job["status"] for job in finished] == ["succeeded"] * 6
    assert count >= 6 * 2 + 8
    assert count <= BURST + elapsed_s * PER_MINUTE / 60 + 1
