"""Many pictures in one reference."""

import json
from pathlib import Path

import pytest
from PIL import Image

from mcp_relight.errors import InvalidArgument
from mcp_relight.storage.several import MAX_PICTURES, listed


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3)).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name in ("img10.jpg", "img2.JPG", "a,b.png", "deep/er/cup.jpg", ".hidden/x.jpg"):
        picture(root / name)
    (root / "notes.txt").write_text("no picture")
    (root / "fake.jpg").write_text("no picture")
    picture(tmp_path / "outside" / "secret.jpg")
    return root


def names(reference: str, root: Path) -> list[str] | None:
    found = listed(reference, [root], [root])
    return None if found is None else [Path(one.reference).name for one in found]


def test_a_folder_is_its_own_pictures_in_the_order_people_count(root: Path) -> None:
    assert names(str(root), root) == ["a,b.png", "img2.JPG", "img10.jpg"]
    assert names("deep/er", root) == ["cup.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("img*.jpg", ["img2.JPG", "img10.jpg"]),
        ("img?.*", ["img2.JPG"]),
        ("img[12]*.jpg", ["img2.JPG", "img10.jpg"]),
        ("**/*.jpg", ["cup.jpg", "img2.JPG", "img10.jpg"]),
        ("deep/*/*.jpg", ["cup.jpg"]),
    ],
)
def test_a_pattern_fits_names_in_any_case(root: Path, pattern: str, found: list[str]) -> None:
    assert names(f"{root}/{pattern}", root) == found


def test_a_list_is_split_at_commas_or_read_as_json_and_names_each_once(root: Path) -> None:
    assert names("img2.JPG, img10.jpg,img2.JPG", root) == ["img2.JPG", "img10.jpg"]
    assert names(json.dumps(["a,b.png", "img2.JPG"]), root) == ["a,b.png", "img2.JPG"]
    assert names(f"img2.JPG,{root}/deep/er", root) == ["img2.JPG", "cup.jpg"]
    missing = listed("img2.JPG,gone.jpg", [root], [root])
    assert missing is not None
    assert [one.reference for one in missing][1:] == ["gone.jpg"]


@pytest.mark.parametrize(
    "reference",
    [
        "img2.JPG", "a,b.png", "latest", "gone.jpg", "data:image/png;base64,AAAA", "{}",
        "https://example.com/a,b.jpg", "relight://images/" + "0" * 32, "job_" + "0" * 32,
    ],
)  # fmt: skip
def test_what_names_one_picture_is_left_alone(root: Path, reference: str) -> None:
    assert names(reference, root) is None


def test_a_list_of_addresses_is_one(root: Path) -> None:
    found = listed("https://a.example/1.jpg,https://b.example/2.jpg", [root], [root])
    assert found is not None
    assert [one.name for one in found] == ["1.jpg", "2.jpg"]
    assert all(one.folder is None for one in found)


def test_nothing_outside_the_allowed_folders_is_seen(root: Path) -> None:
    outside = root.parent / "outside"
    assert names(str(outside), root) is None
    for pattern in (f"{outside}/*.jpg", f"{root}/../outside/*.jpg", "/etc/*"):
        with pytest.raises(InvalidArgument):
            names(pattern, root)
    (root / "link").symlink_to(outside)
    assert names(str(root / "link"), root) is None
    assert names("**/secret.jpg,img2.JPG", root) == ["img2.JPG"]
    assert listed(str(outside), [], None) is not None  # typed at a terminal


def test_none_and_too_many_are_refused(root: Path) -> None:
    (root / "empty").mkdir()
    with pytest.raises(InvalidArgument, match="no picture"):
        names(str(root / "empty"), root)
    for number in range(MAX_PICTURES + 1):
        (root / "empty" / f"{number}.jpg").write_bytes((root / "img10.jpg").read_bytes())
    with pytest.raises(InvalidArgument, match="201"):
        names(str(root / "empty"), root)


def test_a_file_that_changes_is_another_one(root: Path) -> None:
    before = listed(str(root), [root], [root])
    Image.new("RGB", (5, 5)).save(root / "img10.jpg")
    after = listed(str(root), [root], [root])
    assert before is not None
    assert after is not None
    changed = [one.name for one, other in zip(before, after, strict=True) if one != other]
    assert changed == ["img10"]
