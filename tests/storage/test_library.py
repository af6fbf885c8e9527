"""Which picture files are found, in which order, within which bounds."""

import os
import time
from pathlib import Path

import pytest

from mcp_relight.errors import InvalidArgument
from mcp_relight.storage import library
from mcp_relight.storage.library import newest_pictures, place
from tests.arrivals import put_after_all

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def put(path: Path, data: bytes = PNG) -> Path:
    """A file that arrives after every other."""
    return put_after_all(path, data)


def names(folder: Path, limit: int = 100, without: Path | None = None) -> list[str]:
    return [found.path.name for found in newest_pictures([folder], limit=limit, without=without)]


def test_the_newest_come_first_and_no_more_than_asked(tmp_path: Path) -> None:
    for name in ("c.png", "a.png", "b.png"):
        put(tmp_path / name)
    assert names(tmp_path) == ["b.png", "a.png", "c.png"]
    assert names(tmp_path, limit=2) == ["b.png", "a.png"]


def test_an_old_photo_that_arrives_now_is_newer_than_one_of_yesterday(tmp_path: Path) -> None:
    yesterday = put(tmp_path / "yesterday.png")
    os.utime(yesterday, (time.time() - 86_400,) * 2)
    moved = put(tmp_path.parent / "from elsewhere.png")
    os.utime(moved, (1_000_000_000,) * 2)
    moved.rename(tmp_path / "old.png")
    assert names(tmp_path) == ["old.png", "yesterday.png"]


def test_a_time_in_the_future_is_not_believed(tmp_path: Path) -> None:
    tomorrow = put(tmp_path / "tomorrow.png")
    os.utime(tomorrow, (time.time() + 86_400,) * 2)
    put(tmp_path / "now.png")
    assert names(tmp_path) == ["now.png", "tomorrow.png"]


def test_pages_follow_each_other_whatever_arrives_or_goes_in_between(tmp_path: Path) -> None:
    for index in range(7):
        put(tmp_path / f"{index}.png")
    first = newest_pictures([tmp_path], limit=3)
    put(tmp_path / "new.png")
    (tmp_path / "3.png").unlink()
    second = newest_pictures([tmp_path], limit=3, after=place(first[-1]))
    assert [found.path.stem for found in (*first, *second)] == ["6", "5", "4", "2", "1", "0"]
    first[-1].path.unlink()
    again = newest_pictures([tmp_path], limit=2, after=place(first[-1]))
    assert [found.path.stem for found in again] == ["2", "1"]
    for nonsense in ("zz-1", "", "-", "0x-"):
        with pytest.raises(InvalidArgument, match="cursor"):
            newest_pictures([tmp_path], limit=2, after=nonsense)


def test_a_found_picture_carries_its_size_and_time(tmp_path: Path) -> None:
    path = put(tmp_path / "a.JPG", JPEG)
    (found,) = newest_pictures([tmp_path], limit=10)
    assert (found.path, found.bytes) == (path, len(JPEG))
    assert found.modified_ns <= found.arrived_ns <= time.time_ns()


def test_names_and_first_bytes_must_both_be_of_a_picture(tmp_path: Path) -> None:
    put(tmp_path / "phone.HEIC", b"\0\0\0\x18ftypheic" + bytes(20))
    put(tmp_path / "other-name.jpg", PNG)
    put(tmp_path / "notes.txt", PNG)
    put(tmp_path / "empty.png", b"")
    put(tmp_path / "page.png", b"<html>")
    assert names(tmp_path, limit=2) == ["other-name.jpg", "phone.HEIC"]


def test_hidden_and_linked_things_are_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "seen.png")
    put(root / ".hidden.png")
    put(root / ".cache" / "thumb.png")
    put(tmp_path / "outside" / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    assert names(root) == ["seen.png"]


def test_the_output_folder_is_left_out_where_asked(tmp_path: Path) -> None:
    put(tmp_path / "results" / "deep" / "result.png")
    put(tmp_path / "photo.png")
    assert names(tmp_path) == ["photo.png", "result.png"]
    assert names(tmp_path, without=tmp_path / "results") == ["photo.png"]
    assert names(tmp_path, without=tmp_path) == []


def test_folders_inside_each_other_are_walked_once(tmp_path: Path) -> None:
    put(tmp_path / "inner" / "a.png")
    found = newest_pictures([tmp_path, tmp_path / "inner", tmp_path / "none"], limit=10)
    assert len(found) == 1


def test_the_walk_ends_at_its_depth(tmp_path: Path) -> None:
    for depth in range(library.MAX_DEPTH + 3, 0, -1):
        put(tmp_path.joinpath(*["deeper"] * (depth - 1)) / f"{depth}.png")
    assert names(tmp_path) == [f"{depth}.png" for depth in range(1, library.MAX_DEPTH + 1)]


def test_the_walk_ends_at_its_count_and_deep_folders_are_cut_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "MAX_ENTRIES", 12)
    for index in range(10):
        put(tmp_path / f"{index}.png")
    for index in range(10):
        put(tmp_path / "deep" / f"new-{index}.png")
    found = names(tmp_path)
    assert len(found) == 11
    assert {f"{index}.png" for index in range(10)} < set(found)


def test_an_unreadable_folder_is_passed_over(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    put(closed / "b.png")
    put(tmp_path / "a.png")
    closed.chmod(0)
    try:
        assert names(tmp_path)[0] == "a.png"
    finally:
        closed.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_name_that_hides_something_is_left_out_of_what_is_read_aloud(tmp_path: Path) -> None:
    put(tmp_path / "mug.png")
    for hidden in ("a\nb", "a\x1b[2Jb", "a\u202egnp.b", "a\U000e0049\U000e0047b"):
        put(tmp_path / f"{hidden}.png")
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xffb.png")))
    shown = newest_pictures([tmp_path], limit=2, plain_names=True)
    assert [found.path.name for found in shown] == ["mug.png"]
    assert len(newest_pictures([tmp_path], limit=10)) == 6
