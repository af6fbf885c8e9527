"""What is begun for a first call while the service is still being opened."""

from pathlib import Path
from typing import Any

import pytest

from mcp_relight.bootstrap.foresight import look_ahead, photo_alone
from mcp_relight.bootstrap.parts import Parts
from mcp_relight.config import Settings
from mcp_relight.domain.caller import Caller, acting_as
from mcp_relight.domain.queries import ListJobsArguments
from mcp_relight.domain.request import PlanArguments, RelightArguments
from tests.world import World

pytestmark = pytest.mark.anyio

LOOK = {"image": "mug.jpg", "look": "loop"}


class Seen:
    """In place of the pixel child."""

    def __init__(self) -> None:
        self.pictures: list[bytes] = []
        self.started = 0
        self.is_guest = True

    async def warm_up(self) -> None:
        self.started += 1

    async def look_ahead(self, data: bytes) -> None:
        self.pictures.append(data)

    async def aclose(self) -> None: ...


@pytest.fixture
def parts(world: World) -> Parts:
    parts = Parts(Settings.load(data_dir=world.data, allowed_dirs=(world.photos,)), answers=True)
    vars(parts)["pixels"] = Seen()
    return parts


def seen(parts: Parts) -> list[bytes]:
    return vars(parts)["pixels"].pictures


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (RelightArguments.parse(LOOK), "mug.jpg"),
        (RelightArguments.parse(LOOK | {"model": "local/classic"}), "mug.jpg"),
        (RelightArguments.parse(LOOK | {"model": "segmind/ic-light"}), None),
        (RelightArguments.parse(LOOK | {"mask": "mask.png"}), None),
        (RelightArguments.parse(LOOK | {"params": '{"specular": 0.2}'}), None),
        (RelightArguments.parse({"based_on": "job_1", "look": "loop"}), None),
        (PlanArguments.parse(LOOK), None),
        (ListJobsArguments(), None),
    ],
)
def test_only_a_photo_that_is_lit_here_by_what_it_shows_is_looked_at(
    arguments: Any, expected: str | None, tmp_path: Path
) -> None:
    assert photo_alone(arguments, Settings.load(data_dir=tmp_path)) == expected


def test_with_another_default_model_or_a_shape_model_nothing_is(tmp_path: Path) -> None:
    asked = RelightArguments.parse(LOOK)
    paid = Settings.load(data_dir=tmp_path, default_model="segmind/ic-light")
    shaped = Settings.load(data_dir=tmp_path, shape_model=tmp_path / "normals.onnx")
    assert photo_alone(asked, paid) is photo_alone(asked, shaped) is None


async def test_the_photo_is_looked_at_as_it_is_named(world: World, parts: Parts) -> None:
    photo = world.photo("mug.jpg")
    await look_ahead(parts, str(photo), is_typed=False)
    await look_ahead(parts, "mug.jpg", is_typed=False)
    assert seen(parts) == [photo.read_bytes()] * 2
    assert vars(parts)["pixels"].started == 0


async def test_where_nobody_else_looks_a_child_of_our_own_loads(world: World, parts: Parts) -> None:
    photo = world.photo("mug.jpg")
    vars(parts)["pixels"].is_guest = False
    await look_ahead(parts, str(photo), is_typed=False)
    assert (seen(parts), vars(parts)["pixels"].started) == ([], 1)


async def test_nothing_else_is_read_ahead(world: World, parts: Parts, tmp_path: Path) -> None:
    """What a caller may not name is not read, and the call itself says so."""
    secret = tmp_path / "elsewhere" / "secret.jpg"
    secret.parent.mkdir()
    secret.write_bytes(world.photo("mug.jpg").read_bytes())
    for reference in (str(secret), "latest", "https://example.com/a.jpg", "no.jpg", "\0", None):
        await look_ahead(parts, reference, is_typed=False)
    assert seen(parts) == []
    assert vars(parts)["pixels"].started == 6  # for the call, whatever that is about
    await look_ahead(parts, str(secret), is_typed=True)
    assert seen(parts) == [secret.read_bytes()]


async def test_for_whoever_sits_at_another_machine_no_file_of_this_one_is_read(
    world: World, parts: Parts
) -> None:
    photo = world.photo("mug.jpg")
    with acting_as(Caller("anna", remote=True)):
        await look_ahead(parts, str(photo), is_typed=False)
    assert seen(parts) == []
