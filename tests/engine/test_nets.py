"""The networks that come along: their bytes, and what happens without them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mcp_relight.cli
from mcp_relight.domain.weights import WEIGHTS
from mcp_relight.engine import face_mesh, nets, pipeline
from mcp_relight.engine.face_mesh import find_faces
from mcp_relight.engine.pipeline import analyze_shape
from mcp_relight.engine.saliency import salient
from tests.matrix import some_now

FOLDER = Path(nets.__file__).parent / "weights"
SAMPLE = Path(mcp_relight.cli.__file__).parent / "samples" / "astronaut.jpg"

Photo = NDArray[np.uint8]

pytestmark = pytest.mark.afresh


@pytest.fixture(scope="module")
def sample() -> Photo:
    return np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)


@pytest.fixture
def forgotten() -> Iterator[None]:
    """No network is kept from or for another test."""
    remembered = nets.kept, nets.triangles, face_mesh.faces_of
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None) -> Path:
    """The weights in a folder where a test may spoil them."""
    for name in WEIGHTS:
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    monkeypatch.setattr(nets, "FOLDER", tmp_path)
    return tmp_path


def test_every_file_is_the_one_named_and_told_of_in_the_notice() -> None:
    notice = (FOLDER / "NOTICE").read_text()
    assert {path.name for path in FOLDER.iterdir()} == {*WEIGHTS, "NOTICE"}
    for name, sha256 in WEIGHTS.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == sha256
        assert name in notice
        assert sha256 in notice


def test_the_networks_see_on_the_sample_what_they_saw_when_they_were_chosen(sample: Photo) -> None:
    (face,) = find_faces(sample)
    assert face.score > 0.999
    assert abs(face.cue.x - 224) < 6
    assert abs(face.cue.y - 102) < 6
    assert 80 < face.width < 110
    stands_out = salient(sample) > 0.5
    assert 0.5 < stands_out.mean() < 0.6


def test_faces_of_the_last_photo_are_remembered(
    sample: Photo, forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = find_faces(sample)
    monkeypatch.setattr(nets, "kept", None)
    (again,) = find_faces(sample.copy())
    assert np.array_equal(first.points, again.points)
    with pytest.raises(TypeError):
        find_faces(np.ascontiguousarray(sample[:, ::-1]))


@pytest.mark.parametrize(
    ("name", "damage"),
    some_now(
        [
            (nets.SALIENCY, "cut"),
            (nets.SALIENCY, "foreign"),
            *((name, "gone") for name in sorted(WEIGHTS)),
        ],
        now=3,
        rows=True,
    ),
)
def test_without_a_network_the_photo_is_still_analysed_and_the_result_says_so(
    name: str, damage: str, copies: Path, sample: Photo
) -> None:
    if damage == "gone":
        (copies / name).unlink()
    else:
        data = (copies / name).read_bytes()
        (copies / name).write_bytes(data[: len(data) // 2] if damage == "cut" else data[::-1])
    analysis = analyze_shape(sample)
    assert analysis.mode == "auto_mask"
    assert not analysis.complete
    assert any("networks" in warning for warning in analysis.warnings)


def test_an_opencv_without_the_importers_is_no_error(
    monkeypatch: pytest.MonkeyPatch, forgotten: None, sample: Photo
) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromTFLite")
    monkeypatch.delattr(cv2.dnn, "readNetFromONNX")
    analysis = analyze_shape(sample)
    assert analysis.mode == "auto_mask"
    assert not analysis.complete


def test_whole_networks_leave_no_warning(copies: Path, sample: Photo) -> None:
    analysis = analyze_shape(sample)
    assert analysis.complete
    assert analysis.warnings == ()


def test_a_network_kept_for_the_photos_that_follow_sees_in_each_what_a_new_one_sees(
    sample: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = (sample, np.ascontiguousarray(sample[:300, ::-1]))
    afresh = [salient(photo) for photo in photos]
    pipeline.expect(more_photos=True)
    salient(photos[0])
    monkeypatch.setattr(nets, "_parsed", None)  # whoever needs a new one fails
    assert np.array_equal(salient(photos[1]), afresh[1])
    assert np.array_equal(salient(photos[0]), afresh[0])
    pipeline.expect(more_photos=False)
    with pytest.raises(TypeError):
        salient(sample)
