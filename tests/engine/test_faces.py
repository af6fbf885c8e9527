"""Faces on the photos that ship, in any light and turned: by the benchmark's own measure."""

from pathlib import Path

import pytest

import mcp_relight.cli
from benchmarks.faces import faces, is_found, middle, versions
from benchmarks.lit_scenes import read_rgb
from tests.matrix import some_now

PHOTOS = Path(__file__).parents[2] / "docs" / "photos"
ASTRONAUT = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"
VERSIONS = ["a quarter", "red", "green", "blue", "mirrored", "turned -20", "turned +20"]


@pytest.mark.parametrize("name", some_now(VERSIONS))
@pytest.mark.parametrize("path", [ASTRONAUT, PHOTOS / "hopper.jpg"], ids=lambda path: path.stem)
def test_the_face_is_found_where_the_picture_moved_it(path: Path, name: str) -> None:
    photo = read_rgb(path)
    (face,) = faces(photo)
    changed, moved = dict(versions(photo))[name]
    again = faces(changed)
    assert len(again) == 1
    assert is_found(face, moved(middle(face)[None])[0], again)
    assert not is_found(face, middle(face) + 2 * face.width, again)


@pytest.mark.parametrize("name", some_now(["cat.jpg", "rocket.jpg", "coffee.jpg", "drawing.png"]))
def test_nobody_is_found_where_nobody_is(name: str) -> None:
    photo = read_rgb(PHOTOS / name)
    for changed in (photo, *(version for _, (version, _) in versions(photo))):
        assert not faces(changed)
