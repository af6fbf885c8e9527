"""Which picture files are found, in which order, within which bounds."""

import os
from pathlib import Path

import pytest

from mcp_relight.storage import library
from mcp_relight.storage.library import newest_pictures

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def put(path: Path, data: bytes = PNG, *, age_s: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (2_000_000 - age_s, 2_000_000 - age_s))
    return path


def names(folder: Path, limit: int = 100, without: Path | None = None) -> list[str]:
    return [found.path.name for found in newest_pictures([folder], limit=limit, without=without)]


def test_the_newest_come_first_and_no_more_than_asked(tmp_path: Path) -> None:
    for age in (3, 1, 2):
        put(tmp_path / f"{age}.png", age_s=age)
    assert names(tmp_path) == ["1.png", "2.png", "3.png"]
    assert names(tmp_path, limit=2) == ["1.png", "2.png"]


def test_a_found_picture_carries_its_size_and_time(tmp_path: Path) -> None:
    path = put(tmp_path / "a.JPG", JPEG, age_s=5)
    (found,) = newest_pictures([tmp_path], limit=10)
    assert (found.path, found.bytes, found.modified_at) == (path, len(JPEG), 1_999_995.0)


def test_names_and_first_bytes_must_both_be_of_a_picture(tmp_path: Path) -> None:
    put(tmp_path / "page.png", b"<html>", age_s=1)
    put(tmp_path / "empty.png", b"", age_s=2)
    put(tmp_path / "notes.txt", PNG, age_s=3)
    put(tmp_path / "other-name.jpg", PNG, age_s=4)
    put(tmp_path / "phone.HEIC", b"\0\0\0\x18ftypheic" + bytes(20), age_s=5)
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
    put(tmp_path / "photo.png")
    put(tmp_path / "results" / "deep" / "result.png")
    assert names(tmp_path) == ["photo.png", "result.png"]
    assert names(tmp_path, without=tmp_path / "results") == ["photo.png"]
    assert names(tmp_path, without=tmp_path) == []


def test_folders_inside_each_other_are_walked_once(tmp_path: Path) -> None:
    put(tmp_path / "inner" / "a.png")
    found = newest_pictures([tmp_path, tmp_path / "inner", tmp_path / "none"], limit=10)
    assert len(found) == 1


def test_the_walk_ends_at_its_depth(tmp_path: Path) -> None:
    folder = tmp_path
    for depth in range(1, library.MAX_DEPTH + 3):
        put(folder / f"{depth}.png", age_s=depth)
        folder = folder / "deeper"
    assert names(tmp_path) == [f"{depth}.png" for depth in range(1, library.MAX_DEPTH + 1)]


def test_the_walk_ends_at_its_count_and_deep_folders_are_cut_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "MAX_ENTRIES", 12)
    for index in range(10):
        put(tmp_path / f"{index}.png", age_s=100)
    for index in range(10):
        put(tmp_path / "deep" / f"new-{index}.png")
    found = names(tmp_path)
    assert len(found) == 11
    assert {f"{index}.png" for index in range(10)} < set(found)


def test_an_unreadable_folder_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    closed = tmp_path / "closed"
    put(closed / "b.png", age_s=1)
    closed.chmod(0)
    try:
        assert names(tmp_path)[0] == "a.png"
    finally:
        closed.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_name_that_hides_something_is_left_out_of_what_is_read_aloud(tmp_path: Path) -> None:
    put(tmp_path / "mug.png", age_s=9)
    for age, hidden in enumerate(["a\nb", "a\x1b[2Jb", "a\u202egnp.b", "a\U000e0049\U000e0047b"]):
        put(tmp_path / f"{hidden}.png", age_s=age)
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xffb.png")), age_s=5)
    shown = newest_pictures([tmp_path], limit=2, plain_names=True)
    assert [found.path.name for found in shown] == ["mug.png"]
    assert len(newest_pictures([tmp_path], limit=10)) == 6
