"""The image store: whole pictures or none, private, never overwriting."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from mcp_relight.domain.image import Encoded, Inspected, image_id_of
from mcp_relight.errors import ImageNotFound, Internal, InvalidArgument, StorageFull
from mcp_relight.storage.files import ImageFiles

pytestmark = pytest.mark.anyio

DATA = b"the bytes of a picture"
PICTURE = Inspected(
    data=DATA,
    mime_type="image/jpeg",
    width=40,
    height=30,
    has_alpha=True,
    warnings=("16-bit",),
)
ID = image_id_of(DATA)


@pytest.fixture
def images(tmp_path: Path) -> ImageFiles:
    return ImageFiles(tmp_path / "data")


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_a_picture_is_stored_under_the_hash_of_its_bytes(
    images: ImageFiles, tmp_path: Path
) -> None:
    info = await images.put(PICTURE)
    assert info.image_id == ID
    assert (info.width, info.height, info.bytes, info.has_alpha) == (40, 30, len(DATA), True)
    assert info.warnings == ("16-bit",)
    assert await images.read(ID) == DATA
    assert await images.info(ID) == info
    folder = tmp_path / "data" / "images" / ID[:2]
    assert files_in(folder) == {f"{ID}.jpg", f"{ID}.json"}
    assert await images.sizes() == {ID: len(DATA)}


async def test_equal_bytes_are_stored_once(images: ImageFiles) -> None:
    first = await images.put(PICTURE)
    again = await images.put(Encoded(data=DATA, mime_type="image/jpeg", width=40, height=30))
    assert again == first
    assert list(await images.sizes()) == [ID]


async def test_many_writers_of_one_picture_leave_one(images: ImageFiles, tmp_path: Path) -> None:
    stores = [ImageFiles(tmp_path / "data") for _ in range(8)]
    async with anyio.create_task_group() as tasks:
        for store in stores:
            tasks.start_soon(store.put, PICTURE)
    assert await images.read(ID) == DATA
    assert not files_in(tmp_path / "data" / "staging")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
async def test_nobody_else_can_read_the_store(images: ImageFiles, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await images.put(PICTURE)
        await images.cache("analysis-1", b"x")
        await images.publish(ID, tmp_path / "out", "mug")
    finally:
        os.umask(before)
    for top in (tmp_path / "data", tmp_path / "out"):
        for path in (top, *top.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("bad", ["", "0" * 32, "../../etc/passwd", ID.upper(), ID + "/", ID[:31]])
async def test_an_id_that_is_none_of_ours_is_not_found(images: ImageFiles, bad: str) -> None:
    await images.put(PICTURE)
    for call in (images.info, images.read):
        with pytest.raises(ImageNotFound):
            await call(bad)
    await images.delete(bad)
    assert await images.read(ID) == DATA


def grow_old(folder: Path, by_s: float = 2 * 86_400) -> None:
    """As if nobody had asked for anything in there for two days."""
    then = time.time() - by_s
    for path in folder.rglob("*.json"):
        os.utime(path, (then, then))


async def test_a_picture_without_a_job_is_deleted_when_nobody_asked_for_it_in_a_day(
    images: ImageFiles, tmp_path: Path
) -> None:
    await images.put(PICTURE)
    await images.delete_unused([ID])
    assert await images.read(ID) == DATA
    grow_old(tmp_path)
    await images.delete_unused([ID])
    with pytest.raises(ImageNotFound):
        await images.info(ID)


async def test_a_picture_from_before_the_clock_was_put_back_grows_old_from_now_on(
    images: ImageFiles, tmp_path: Path
) -> None:
    await images.put(PICTURE)
    grow_old(tmp_path, by_s=-365 * 86_400)
    await images.delete_unused([ID])
    assert await images.read(ID) == DATA
    grow_old(tmp_path)
    await images.delete_unused([ID])
    with pytest.raises(ImageNotFound):
        await images.info(ID)


@pytest.mark.parametrize("how", ["put", "info"])
async def test_a_picture_taken_in_again_outlives_a_pruning_that_found_it_unused(
    images: ImageFiles, tmp_path: Path, how: str
) -> None:
    await images.put(PICTURE)
    grow_old(tmp_path)
    unused = list(await images.sizes())  # what a pruning decides now …
    if how == "put":
        await images.put(PICTURE)  # … is overtaken by a call that has no row yet
    else:
        await images.info(ID)
    await images.delete_unused(unused)
    assert await images.read(ID) == DATA


async def test_a_deleted_picture_is_gone_and_can_come_back(
    images: ImageFiles, tmp_path: Path
) -> None:
    await images.put(PICTURE)
    await images.delete(ID)
    await images.delete(ID)
    with pytest.raises(ImageNotFound):
        await images.read(ID)
    assert files_in(tmp_path / "data") == set()
    await images.put(PICTURE)
    assert await images.read(ID) == DATA


@pytest.mark.parametrize("damage", ["card cut", "picture cut", "picture gone", "card gone"])
async def test_half_a_picture_counts_as_none_and_is_replaced(
    images: ImageFiles, tmp_path: Path, damage: str
) -> None:
    await images.put(PICTURE)
    folder = tmp_path / "data" / "images" / ID[:2]
    path = folder / f"{ID}.{'json' if damage.startswith('card') else 'jpg'}"
    if damage.endswith("cut"):
        path.write_bytes(path.read_bytes()[:5])
    else:
        path.unlink()
    with pytest.raises(ImageNotFound):
        await images.read(ID)
    await images.put(PICTURE)
    assert await images.read(ID) == DATA


async def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """With a limit on the size of files, which the system reports like a full disk."""
    script = """
import resource, sys, anyio
from pathlib import Path
from mcp_relight.domain.image import Encoded
from mcp_relight.errors import StorageFull
from mcp_relight.storage.files import ImageFiles
async def main():
    images = ImageFiles(Path(sys.argv[1]))
    small = await images.put(Encoded(data=b"small", mime_type="image/png", width=1, height=1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    refused = 0
    try:
        await images.put(Encoded(data=b"x" * 5000, mime_type="image/png", width=1, height=1))
    except StorageFull as error:
        refused += bool(error.hint)
    await images.cache("analysis-1", b"x" * 5000)
    assert await images.cached("analysis-1") is None
    assert await images.read(small.image_id) == b"small"
    assert list(await images.sizes()) == [small.image_id]
    sys.exit(refused)
anyio.run(main)
"""
    if sys.platform == "win32":
        pytest.skip("needs limits on file sizes")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "data")], check=False, capture_output=True
    )
    assert done.returncode == 1, done.stderr.decode()
    left = files_in(tmp_path / "data")
    assert len(left) == 2, left


async def test_a_full_output_folder_leaves_no_part_of_a_picture(
    images: ImageFiles, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("needs tmpfs")
    await images.put(PICTURE)
    mount = tmp_path / "tiny"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        (mount / "filler").write_bytes(bytes(61_000))
        big = Encoded(data=bytes(50_000), mime_type="image/png", width=1, height=1)
        stored = await images.put(big)
        with pytest.raises(StorageFull):
            await images.publish(stored.image_id, mount, "mug")
        assert files_in(mount) == {"filler"}
        with pytest.raises(StorageFull):
            await ImageFiles(mount / "data").put(big)
        assert files_in(mount) == {"filler"}
    finally:
        subprocess.run(["umount", str(mount)], check=True)


async def test_a_published_picture_is_the_stored_one_under_a_new_name(
    images: ImageFiles, tmp_path: Path
) -> None:
    await images.put(PICTURE)
    out = tmp_path / "deep" / "out"
    paths = [await images.publish(ID, out, "mug-golden_hour") for _ in range(3)]
    assert [path.name for path in paths] == [
        "mug-golden_hour.jpg",
        "mug-golden_hour-2.jpg",
        "mug-golden_hour-3.jpg",
    ]
    assert {path.read_bytes() for path in paths} == {DATA}
    assert files_in(out) == {path.name for path in paths}


async def test_publishing_at_once_overwrites_nothing(images: ImageFiles, tmp_path: Path) -> None:
    await images.put(PICTURE)
    out, paths = tmp_path / "out", list[Path]()
    out.mkdir()
    (out / "mug.jpg").write_bytes(b"mine")

    async def publish() -> None:
        paths.append(await images.publish(ID, out, "mug"))

    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(publish)
    assert len(set(paths)) == 12
    assert (out / "mug.jpg").read_bytes() == b"mine"
    assert {path.read_bytes() for path in paths} == {DATA}


async def test_a_link_that_leads_nowhere_is_not_written_through(
    images: ImageFiles, tmp_path: Path
) -> None:
    await images.put(PICTURE)
    out, target = tmp_path / "out", tmp_path / "target.jpg"
    out.mkdir()
    (out / "mug.jpg").symlink_to(target)
    path = await images.publish(ID, out, "mug")
    assert path.name == "mug-2.jpg"
    assert not target.exists()


async def test_a_folder_that_cannot_be_written_names_its_variable(
    images: ImageFiles, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_bytes(b"")
    await images.put(PICTURE)
    with pytest.raises(InvalidArgument, match="MCP_RELIGHT_OUTPUT_DIR"):
        await images.publish(ID, blocked / "out", "mug")
    with pytest.raises(InvalidArgument, match="MCP_RELIGHT_DATA_DIR"):
        await ImageFiles(blocked / "data").put(PICTURE)


async def test_what_a_killed_writer_left_is_cleared_away_later(tmp_path: Path) -> None:
    staging = tmp_path / "data" / "staging"
    staging.mkdir(parents=True)
    old, fresh = staging / ".old.part", staging / ".fresh.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (1_000_000, 1_000_000))
    await ImageFiles(tmp_path / "data").put(PICTURE)
    assert files_in(staging) == {".fresh.part"}


async def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    images = ImageFiles(tmp_path / "data", cache_max_bytes=250)
    folder = tmp_path / "data" / "cache"
    await images.cache("a", b"a" * 100)
    await images.cache("b", b"b" * 100)
    for age, name in enumerate(["b", "a"]):
        os.utime(folder / name, (1_000 - age, 1_000 - age))
    assert await images.cached("a") == b"a" * 100  # used: now b is the oldest
    await images.cache("c", b"c" * 100)
    assert await images.cached("b") is None
    assert await images.cached("a") == b"a" * 100
    assert await images.cached("c") == b"c" * 100
    assert await images.cached("never") is None


@pytest.mark.parametrize("key", ["../images", "a/b", "", ".hidden", "A"])
async def test_a_cache_key_is_no_path(images: ImageFiles, key: str) -> None:
    with pytest.raises(Internal):
        await images.cache(key, b"x")
